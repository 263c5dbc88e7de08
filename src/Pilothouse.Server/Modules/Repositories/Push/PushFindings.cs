using System.Globalization;
using Pilothouse.Protocols.Lfs;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>What is wrong with a push, as lines for the one who pushes. Each kind of fault lists its first ones and counts the rest.</summary>
internal sealed class PushFindings
{
    private const int MaxListed = 20;
    private const int MaxPointers = 100_000;
    private readonly HashSet<LfsPointer> _pointers = [];
    private readonly List<string> _lines = [];
    private readonly Section _missing = new("the server does not have the data of these files (path, object, bytes):",
        "Send it with: git lfs push --all REMOTE. If the objects are nowhere any more, an operator may let such commits in: Repositories:RequireData=false.");
    private readonly Section _sizes = new("these pointers name a size that their object does not have (path, object, bytes):", "Add the files anew.");
    private readonly Section _locked = new("these files are locked by others (path, owner):", "Ask them to unlock them, or see: git lfs locks");
    private readonly Section _links = new("these symbolic links lead out of the repository (path, target):", "Make them relative, to a place inside of it.");

    /// <summary>Objects that are not here.</summary>
    public IReadOnlyList<LfsPointer> MissingPointers => [.. _pointers];

    /// <summary>A fault in words.</summary>
    public void Add(string line) => _lines.Add(line);

    public void Missing(string path, LfsPointer pointer)
    {
        _missing.Add($"{path}  {pointer.Oid}  {pointer.Size}");
        if (_pointers.Count < MaxPointers) _pointers.Add(pointer);
    }

    public void WrongSize(string path, LfsPointer pointer, long size) => _sizes.Add($"{path}  {pointer.Oid}  {pointer.Size}, not {size}");

    public void Locked(string path, string owner) => _locked.Add($"{path}  {owner}");

    public void Symlink(string path, string target) => _links.Add($"{path} -> {target}");

    /// <returns>Empty when all is well.</returns>
    public IReadOnlyList<string> Lines()
    {
        List<string> lines = [.. _lines];
        foreach (var section in (Section[])[_missing, _sizes, _locked, _links]) section.AppendTo(lines);
        return lines;
    }

    private sealed class Section(string title, string remedy)
    {
        private readonly List<string> _first = [];
        private readonly HashSet<string> _seen = [];
        private long _count;

        public void Add(string line)
        {
            if (_seen.Count <= MaxListed && !_seen.Add(line)) return; // the same file in many commits
            _count++;
            if (_first.Count < MaxListed) _first.Add(line);
        }

        public void AppendTo(List<string> lines)
        {
            if (_count == 0) return;
            lines.Add(title);
            lines.AddRange(_first.Select(l => "  " + l));
            if (_count > _first.Count) lines.Add(string.Create(CultureInfo.InvariantCulture, $"  ... and {_count - _first.Count} more"));
            lines.Add(remedy);
        }
    }
}
