using System.Globalization;
using System.Text;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>Looks into many objects with one git (<c>cat-file --batch-command</c>).</summary>
internal sealed class ObjectReader(GitProcess process) : IAsyncDisposable
{
    public static readonly IReadOnlyList<string> Arguments = ["cat-file", "--batch-command"];
    private const byte Newline = (byte)'\n';
    private readonly DelimitedReader _output = new(process.Output);

    /// <returns>Type and size of each; null for one that is not there.</returns>
    public async Task<IReadOnlyList<(string Type, long Size)?>> InfoAsync(IReadOnlyList<string> ids, CancellationToken ct)
    {
        var answers = new List<(string, long)?>(ids.Count);
        var asking = AskAsync("info", ids, ct);
        foreach (var _ in ids) answers.Add(await HeaderAsync(ct));
        await asking;
        return answers;
    }

    /// <summary>Contents of objects that are known to be small, in order; null for one that is not there.</summary>
    public async Task<IReadOnlyList<byte[]?>> ContentsAsync(IReadOnlyList<string> ids, CancellationToken ct)
    {
        var contents = new List<byte[]?>(ids.Count);
        var asking = AskAsync("contents", ids, ct);
        var end = new byte[1];
        foreach (var _ in ids)
        {
            if (await HeaderAsync(ct) is not var (_, size))
            {
                contents.Add(null);
                continue;
            }
            var content = new byte[size];
            await _output.ReadExactlyAsync(content, ct);
            await _output.ReadExactlyAsync(end, ct);
            contents.Add(content);
        }
        await asking;
        return contents;
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();

    /// <summary>Asks while the answers are read: both pipes are small.</summary>
    private async Task AskAsync(string command, IReadOnlyList<string> ids, CancellationToken ct)
    {
        var text = new StringBuilder(ids.Count * 50);
        foreach (var id in ids) text.Append(command).Append(' ').Append(id).Append('\n');
        await process.Input.WriteAsync(Encoding.ASCII.GetBytes(text.ToString()), ct);
        await process.Input.FlushAsync(ct);
    }

    // 62afc21... blob 1234 | 62afc21... missing
    private async ValueTask<(string Type, long Size)?> HeaderAsync(CancellationToken ct)
    {
        var line = await _output.ReadAsync(Newline, ct) ?? throw new EndOfStreamException("git cat-file ended early.");
        var parts = Encoding.UTF8.GetString(line.Span).Split(' ');
        return parts.Length == 3 && long.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? (parts[1], size) : null;
    }
}
