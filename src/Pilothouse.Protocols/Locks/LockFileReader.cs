using System.Globalization;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Locks;

/// <summary>Reads <c>pilothouse.lock</c>: reports every fault at once, each with its name and line; never throws on its content.</summary>
public static class LockFileReader
{
    /// <summary>Characters of a lock.</summary>
    public const int MaxLength = 32 * 1024 * 1024;

    /// <summary>Faults reported for one file.</summary>
    public const int MaxFaults = 100;

    private const string Repair = "Run 'pilothouse lock'.";

    private static readonly string[] Fields = ["reference", "follows", "path", "checkout", "digest", "size", "files", "file"];

    /// <param name="text">The whole text of the file; lines may end with CR LF.</param>
    public static LockFileResult Parse(string text)
    {
        if (text.Length > MaxLength) return new LockFileResult(null, [new LockFault(LockFaults.TooLarge, 1, $"The lock has more than {MaxLength:N0} characters.", "Track folders instead of their files.")]);
        var reading = new Reading();
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length && !reading.IsFull; i++) reading.Line(i + 1, lines[i].EndsWith('\r') ? lines[i][..^1] : lines[i]);
        return reading.Finish();
    }

    private sealed class Reading
    {
        private readonly List<LockFault> _faults = [];
        private readonly List<LockEntry> _entries = [];
        private readonly HashSet<string> _seen = [];
        private readonly List<ContentFile> _files = [];
        private readonly Dictionary<(LockKind, string), int> _heads = [];
        private LockEntry? _current;
        private bool _skipping;
        private bool _hasFormat;

        public bool IsFull => _faults.Count >= MaxFaults;

        public void Line(int number, string line)
        {
            if (line.Length > LockRules.MaxLine) Fault(LockFaults.TooLarge, number, $"The line has more than {LockRules.MaxLine:N0} characters.", Repair);
            // <<<<<<< HEAD / ||||||| base / ======= / >>>>>>> branch
            else if (line.StartsWith("<<<<<<<", StringComparison.Ordinal) || line.StartsWith(">>>>>>>", StringComparison.Ordinal) || line.StartsWith("|||||||", StringComparison.Ordinal) || line == "=======")
                Fault(LockFaults.MergeConflict, number, "Git left a conflict here: two branches changed the same entry.", "Keep one of the two sides and delete the marks, then run 'pilothouse lock'.");
            else if (line.Length == 0 || line[0] == '#') return;
            else if (!_hasFormat) Format(number, line);
            else if (line.StartsWith("  ", StringComparison.Ordinal)) Field(number, line[2..]);
            else Head(number, line);
        }

        public LockFileResult Finish()
        {
            Close();
            if (!_hasFormat && _faults.Count == 0) Fault(LockFaults.UnknownFormat, 1, "The lock is empty.", Repair);
            _entries.Sort(LockEntry.Compare);
            if (_faults.Count == 0) _faults.AddRange(LockRules.CheckPaths(_entries));
            if (_faults.Count > 0) return new LockFileResult(null, [.. _faults.OrderBy(f => f.Line).Take(MaxFaults)]);
            try
            {
                return new LockFileResult(LockFile.Create(_entries), []);
            }
            catch (ProtocolFormatException e)
            {
                return new LockFileResult(null, [new LockFault(LockFaults.TooLarge, 1, e.Message, Repair)]);
            }
        }

        private void Format(int number, string line)
        {
            _hasFormat = true;
            if (line != "lock: 1") Fault(LockFaults.UnknownFormat, number, $"'{LockRules.Printable(line)}' is not the first line of a lock of format 1.", "Use a newer Pilothouse, or write the lock again: 'pilothouse lock'.");
        }

        private void Head(int number, string line)
        {
            Close();
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            var word = space < 0 ? line : line[..space];
            var kind = LockEntry.Words.ToList().IndexOf(word);
            _skipping = kind < 0 || space < 0 || space == line.Length - 1;
            if (kind < 0)
            {
                var near = Suggestion.Nearest(word, [.. LockEntry.Words]);
                Fault(LockFaults.UnknownLine, number, $"'{LockRules.Printable(line)}' begins no entry.", near is null ? $"An entry begins with {string.Join(", ", LockEntry.Words)} and a name." : $"Did you mean '{near}'?");
                return;
            }
            if (_skipping)
            {
                Fault(LockFaults.UnknownLine, number, $"This {word} has no name.", Repair);
                return;
            }
            _current = new LockEntry((LockKind)kind, line[(space + 1)..]) { Line = number };
            if (!_heads.TryAdd((_current.Kind, _current.Name), number))
                Fault(LockFaults.Duplicate, number, $"{_current.Word} {LockRules.Printable(_current.Name)} stands on line {_heads[(_current.Kind, _current.Name)]} already.", "Keep one of the two, then run 'pilothouse lock'.");
        }

        // digest: sha256:ab...
        private void Field(int number, string field)
        {
            if (_skipping) return;
            var colon = field.IndexOf(": ", StringComparison.Ordinal);
            if (_current is null || colon <= 0)
            {
                Fault(LockFaults.UnknownLine, number, _current is null ? "A field without an entry before it." : "A field is written 'name: value'.", Repair);
                return;
            }
            var (key, value) = (field[..colon], field[(colon + 2)..]);
            if (!Fields.Contains(key)) Fault(LockFaults.UnknownField, number, $"'{LockRules.Printable(key)}' is no field.", Suggestion.Nearest(key, Fields) is { } near ? $"Did you mean '{near}'?" : Repair);
            else if (key != "file" && !_seen.Add(key)) Fault(LockFaults.Duplicate, number, $"'{key}' is given twice.", Repair);
            else Take(number, key, value);
        }

        private void Take(int number, string key, string value)
        {
            var entry = _current!;
            switch (key)
            {
                case "reference": _current = entry with { Reference = value }; break;
                case "follows": _current = entry with { Follows = value }; break;
                case "path": _current = entry with { Path = value }; break;
                case "checkout": _current = entry with { Checkout = value }; break;
                case "digest" when Digest.TryParse(value, out var digest): _current = entry with { Digest = digest }; break;
                case "size" when Number(value) is { } size: _current = entry with { Size = size }; break;
                case "files" when Number(value) is { } count: _current = entry with { FileCount = count }; break;
                // file: sha256:ab... 1024 weights/model.safetensors
                case "file" when value.Split(' ', 3) is [var hash, var bytes, var path] && Digest.TryParse(hash, out var of) && Number(bytes) is { } length && _files.Count < ContentManifest.MaxFiles:
                    _files.Add(new ContentFile(path, length, of));
                    break;
                case "file": Fault(LockFaults.BadValue, number, "A file is written 'sha256:HEX SIZE PATH'.", Repair); break;
                case "digest": Fault(LockFaults.BadValue, number, "A digest is 'sha256:' and 64 lower-case hex digits.", Repair); break;
                default: Fault(LockFaults.BadValue, number, $"'{LockRules.Printable(value)}' is not a whole number of 0 or more.", Repair); break;
            }
        }

        private void Close()
        {
            if (_current is { } entry && !IsFull)
            {
                entry = entry with { Files = [.. _files.OrderBy(f => f.Path, StringComparer.Ordinal)] };
                // A field that could not be read is a fault already; that it is missing, too, says nothing new.
                if (!_faults.Exists(f => f.Line >= entry.Line)) _faults.AddRange(LockRules.Check(entry));
                _entries.Add(entry);
                if (_entries.Count > LockFile.MaxEntries) Fault(LockFaults.TooLarge, entry.Line, $"A lock has at most {LockFile.MaxEntries:N0} entries.", "Track folders instead of their files.");
            }
            _current = null;
            _skipping = false;
            _seen.Clear();
            _files.Clear();
        }

        private void Fault(string code, int line, string message, string remedy) => _faults.Add(new LockFault(code, line, message, remedy));

        private static long? Number(string text) => text.Length is > 0 and <= 18 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0') ? long.Parse(text, CultureInfo.InvariantCulture) : null;
    }
}
