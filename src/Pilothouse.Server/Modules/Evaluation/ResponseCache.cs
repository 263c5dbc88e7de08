using System.Security.Cryptography;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Answers by the digest of everything that shapes them, so that a base line is not run again for every candidate. Models without a content
/// digest (remote engines) are never cached: their content can change behind the name.
/// </summary>
internal sealed class ResponseCache(Db db, TimeProvider time, EvaluationOptions options)
{
    /// <summary>Part of the key; changed when requests are built in another way.</summary>
    private const string Harness = "2";

    /// <summary>Keys of one query.</summary>
    private const int Chunk = 500;

    /// <returns>Null when the answer must not be cached.</returns>
    /// <param name="repeat">Which of the case's answers, from 0: repeats are answers of their own.</param>
    /// <param name="kind">Judges keep their replies apart from answers.</param>
    public static string? Key(ModelSubject model, GenerationRequest request, int repeat = 0, string kind = "generate") => model.Digest is null ? null : Hash(
        [Harness, kind, $"{repeat}", model.Digest, model.PromptDigest ?? "", $"{request.MaxTokens}", FormattableString.Invariant($"{request.Temperature:R}"), $"{request.Seed}",
            .. request.Messages.SelectMany(m => (string[])[m.Role, m.Content])]);

    /// <inheritdoc cref="Key(ModelSubject, GenerationRequest, int, string)"/>
    public static string? Key(ModelSubject model, string text) => model.Digest is null ? null : Hash([Harness, "classify", model.Digest, text]);

    public async Task<IReadOnlyDictionary<string, string>> FindAsync(IReadOnlyCollection<string> keys, CancellationToken ct)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var oldest = time.NowMs() - (long)TimeSpan.FromDays(options.CacheDays).TotalMilliseconds;
        foreach (var chunk in keys.Chunk(Chunk))
        {
            var rows = await db.ReadAsync(session => session.QueryAsync<Row>(
                $"SELECT key, output FROM evl_response WHERE {session.Dialect.In("key", "@chunk")} AND created_ms >= @oldest LIMIT {Chunk}", new { chunk, oldest }), ct);
            foreach (var row in rows) found[row.Key] = row.Output;
        }
        return found;
    }

    /// <summary>Keeps answers at once.</summary>
    public Task KeepAsync(IReadOnlyCollection<(string Key, string Output)> answers, CancellationToken ct) => db.WriteAsync(session => AddAsync(session, answers), ct);

    public Task AddAsync(DbSession session, IReadOnlyCollection<(string Key, string Output)> answers)
    {
        var now = time.NowMs();
        return session.BulkInsertAsync("evl_response", ["key", "output", "created_ms"], answers, (row, answer) =>
        {
            row.Text(answer.Key);
            row.Text(answer.Output);
            row.Integer(now);
        }, ignoreDuplicates: true);
    }

    public Task RemoveOldAsync(CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM evl_response WHERE created_ms < @oldest",
        new { oldest = time.NowMs() - (long)TimeSpan.FromDays(options.CacheDays).TotalMilliseconds }), ct);

    /// <summary>Parts are framed by their length, so that no two lists of parts run into the same bytes.</summary>
    private static string Hash(IEnumerable<string> parts)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            var bytes = Encoding.UTF8.GetBytes(part);
            sha.AppendData(BitConverter.GetBytes((long)bytes.Length));
            sha.AppendData(bytes);
        }
        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }

    private sealed class Row
    {
        public string Key { get; init; } = "";
        public string Output { get; init; } = "";
    }
}
