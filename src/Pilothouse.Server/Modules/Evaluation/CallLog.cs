using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>What models answered in one evaluation, by everything that was asked: to be kept (record), or to answer from without any model (replay).</summary>
internal sealed class CallLog(bool isReplay)
{
    /// <summary>Answers of one recording.</summary>
    private const int MaxEntries = 1_000_000;

    private readonly ConcurrentDictionary<string, string> _entries = new(StringComparer.Ordinal);

    /// <summary>Nothing is asked: what is not in the log is missing.</summary>
    public bool IsReplay => isReplay;

    public int Count => _entries.Count;

    /// <summary>Key of a generation: where it is asked and all that is sent. The repeats of a case differ by their seed.</summary>
    public static string KeyOf(InferenceTarget target, GenerationRequest request) => KeyOf("generate", target,
    [
        $"{request.MaxTokens}", FormattableString.Invariant($"{request.Temperature:R}"), $"{request.Seed}", FormattableString.Invariant($"{request.TopP:R}"), request.Tools ?? "", .. request.Stop ?? [],
        .. request.Messages.SelectMany(m => (string[])[m.Role, m.Content]), .. request.Metadata?.OrderBy(m => m.Key, StringComparer.Ordinal).SelectMany(m => (string[])[m.Key, m.Value]) ?? [],
    ]);

    public static string KeyOf(string kind, InferenceTarget target, IEnumerable<string> parts)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in (IEnumerable<string>)[kind, target.Engine, target.Model, target.Url ?? "", .. parts])
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            sha.AppendData(BitConverter.GetBytes((long)bytes.Length)); // framed, so that no two lists run into the same bytes
            sha.AppendData(bytes);
        }
        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    /// <summary>A recording, one JSON object a line: <c>{"key":"HEX","value":"..."}</c>.</summary>
    /// <exception cref="PilothouseException">InvalidArgument: not a recording; names the line.</exception>
    public static CallLog Read(byte[] recording)
    {
        var log = new CallLog(isReplay: true);
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(recording).Split('\n'))
        {
            number++;
            if (line.Length == 0) continue;
            try
            {
                var entry = WireJson.Read<Entry>(line);
                if (log.Count >= MaxEntries || string.IsNullOrEmpty(entry.Key) || entry.Value is null) throw new ProtocolFormatException("no key and value");
                log._entries[entry.Key] = entry.Value;
            }
            catch (Exception e) when (e is JsonException or ProtocolFormatException)
            {
                throw new PilothouseException(ErrorCode.InvalidArgument, $"Line {number} of the recording is not one of its entries ({e.Message}). Record again: pilothouse test --record DIR.", e);
            }
        }
        return log;
    }

    /// <summary>In the order of the keys, so that equal recordings are equal files.</summary>
    public byte[] Write()
    {
        var lines = new StringBuilder();
        foreach (var (key, value) in _entries.OrderBy(e => e.Key, StringComparer.Ordinal)) lines.Append(WireJson.Write(new Entry(key, value))).Append('\n');
        return Encoding.UTF8.GetBytes(lines.ToString());
    }

    public string? Find(string key) => _entries.GetValueOrDefault(key);

    public void Add(string key, string value)
    {
        if (_entries.Count < MaxEntries) _entries[key] = value;
    }

    private sealed record Entry(string Key, string Value);
}

/// <summary>The evaluation that the current call belongs to. It flows with the calls, because judges and embeddings are asked deep below the runner.</summary>
/// <param name="Id">Answers that nobody can vouch for are kept for this evaluation alone, under this id: if it is cut short it goes on from them.</param>
/// <param name="Log">What is recorded, or answered from; null = neither.</param>
internal sealed record EvaluationScope(string Id, CallLog? Log)
{
    private static readonly AsyncLocal<EvaluationScope?> Ambient = new();

    public static EvaluationScope? Current => Ambient.Value;

    /// <summary>For the rest of the calling method.</summary>
    public void Enter() => Ambient.Value = this;
}

/// <summary>A generation as it is kept: in the cache, in a recording.</summary>
internal sealed record KeptGeneration(string Text, int PromptTokens, int CompletionTokens, double Milliseconds, string? FinishReason)
{
    public static KeptGeneration Of(Generation generation) => new(generation.Text, generation.PromptTokens, generation.CompletionTokens, Math.Round(generation.Duration.TotalMilliseconds, 3), generation.FinishReason);

    public Generation ToGeneration() => new(Text, PromptTokens, CompletionTokens, FinishReason ?? "stop", null, TimeSpan.FromMilliseconds(Milliseconds), TimeSpan.FromMilliseconds(Milliseconds));
}
