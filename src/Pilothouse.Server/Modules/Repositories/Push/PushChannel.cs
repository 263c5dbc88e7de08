using System.IO.Pipes;
using System.Text;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>What a push asks for.</summary>
/// <param name="Quarantine">Directory in which git keeps the new objects until the push is accepted; "" when the push brings none.</param>
/// <param name="Options">Texts of <c>git push -o</c>, as they came.</param>
internal sealed record PushRequest(string Quarantine, IReadOnlyList<string> Options, IReadOnlyList<RefUpdate> Updates);

/// <summary>Two named pipes between the hook of one push and this server.</summary>
internal sealed class PushChannel : IAsyncDisposable
{
    /// <summary>Names of refs, their ids and the options of one push.</summary>
    private const int MaxRequest = 4 * 1024 * 1024;
    private const int MaxAnswer = 16 * 1024;
    private const byte Newline = (byte)'\n';

    private readonly AnonymousPipeClientStream _request;
    private readonly AnonymousPipeClientStream _answer;

    private PushChannel(string directory, AnonymousPipeClientStream request, AnonymousPipeClientStream answer) => (Directory, _request, _answer) = (directory, request, answer);

    public string Directory { get; }

    public static PushChannel Open(string directory)
    {
        System.IO.Directory.CreateDirectory(directory);
        try
        {
            var (request, answer) = (Path.Combine(directory, "request"), Path.Combine(directory, "answer"));
            Posix.MakePipe(request);
            Posix.MakePipe(answer);
            return new PushChannel(directory, new AnonymousPipeClientStream(PipeDirection.In, Posix.OpenPipe(request)), new AnonymousPipeClientStream(PipeDirection.Out, Posix.OpenPipe(answer)));
        }
        catch
        {
            System.IO.Directory.Delete(directory, recursive: true);
            throw;
        }
    }

    /// <summary>Waits for the hook. It never comes when git refuses the push by itself: then the caller cancels.</summary>
    /// <exception cref="PilothouseException">TooLarge.</exception>
    public async Task<PushRequest> ReadAsync(CancellationToken ct)
    {
        var reader = new DelimitedReader(_request);
        var (quarantine, total, inOptions) = ("", 0, false);
        List<string> options = [];
        List<RefUpdate> updates = [];
        while (await reader.ReadAsync(Newline, ct) is { } piece)
        {
            var line = Encoding.UTF8.GetString(piece.Span);
            if ((total += piece.Length) > MaxRequest)
            {
                await _request.DisposeAsync(); // the hook's write ends, instead of waiting for a reader
                throw new PilothouseException(ErrorCode.TooLarge, "The push moves too many refs at once. Push them in parts.");
            }
            if (line == "end") return new PushRequest(quarantine, options, updates);
            if (inOptions)
            {
                if (line.StartsWith("option ", StringComparison.Ordinal)) options.Add(line["option ".Length..]);
            }
            else if (line == "options") inOptions = true;
            else if (line.StartsWith("quarantine ", StringComparison.Ordinal)) quarantine = line["quarantine ".Length..];
            else if (line.Split(' ', 3) is [{ Length: 40 } old, { Length: 40 } now, var name]) updates.Add(new RefUpdate(name, old, now));
            else throw new InvalidDataException("The hook's question is not one of refs.");
        }
        throw new EndOfStreamException("The hook ended in the middle of its question.");
    }

    /// <param name="refusals">Lines for the one who pushes; empty = accepted.</param>
    public async Task AnswerAsync(IReadOnlyList<string> refusals, CancellationToken ct)
    {
        var text = new StringBuilder();
        foreach (var line in refusals.SelectMany(l => l.Split('\n')).Select(Printable))
            if (text.Length + line.Length < MaxAnswer) text.Append("say ").Append(line).Append('\n');
        text.Append(refusals.Count == 0 ? "accept\n" : "refuse\n");
        await _answer.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), ct);
    }

    public async ValueTask DisposeAsync()
    {
        await _request.DisposeAsync();
        await _answer.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>A path of the push may hold anything; a terminal takes orders.</summary>
    private static string Printable(string line) => string.Concat(line.Select(c => char.IsControl(c) ? '?' : c));
}
