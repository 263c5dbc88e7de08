using System.Text;
using Pilothouse.Client.Capture;

namespace Pilothouse.CiRunner;

/// <summary>What steps write, line by line: masked, bounded, both streams in the order in which they come.</summary>
/// <param name="secrets">Values that must not be shown.</param>
internal sealed class StepLog(TextWriter output, IReadOnlyList<string> secrets, long maxChars)
{
    private const int MaxLine = 16 * 1024;
    /// <summary>Shorter values are words that stand in any log.</summary>
    private const int ShortestSecret = 4;

    private readonly Lock _gate = new();
    private readonly IReadOnlyList<string> _secrets = [.. secrets.Where(s => s.Length >= ShortestSecret).OrderByDescending(s => s.Length)];
    private long _written;
    private bool _cut;

    public async Task PumpAsync(StreamReader input, CancellationToken ct)
    {
        var (buffer, line, dropped) = (new char[8192], new StringBuilder(), false);
        for (int read; (read = await input.ReadAsync(buffer, ct)) > 0;)
        {
            foreach (var c in buffer.AsSpan(0, read))
            {
                if (c == '\n')
                {
                    Write(line.ToString() + (dropped ? " [cut]" : ""));
                    line.Clear();
                    dropped = false;
                }
                else if (line.Length < MaxLine) line.Append(c);
                else dropped = true;
            }
        }
        if (line.Length > 0) Write(line.ToString());
    }

    public void Write(string line)
    {
        line = Masked(line.TrimEnd('\r'));
        lock (_gate)
        {
            if (_written + line.Length <= maxChars)
            {
                _written += line.Length + 1;
                output.Write(line + "\n");
                output.Flush();
            }
            else if (!_cut)
            {
                _cut = true;
                output.WriteLine($"[pilothouse: the output was cut after {maxChars} characters]");
                output.Flush();
            }
        }
    }

    private string Masked(string line)
    {
        foreach (var secret in _secrets) line = line.Replace(secret, Secrets.Mask, StringComparison.Ordinal);
        return Secrets.MaskedText(line);
    }
}
