using System.Security.Cryptography;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Answers by the digest of everything that shapes them, so that a base line is not run again for every candidate. Models without a content
/// digest (remote engines) can change behind their name: their answers are kept for the one evaluation, so that it can go on when it was cut
/// short, and for longer only when the project file says so (<c>cache:</c>).
/// </summary>
internal sealed class ResponseCache(Db db, TimeProvider time, EvaluationOptions options)
{
    /// <summary>Part of the key; changed when requests are built in another way.</summary>
    private const string Harness = "3";

    /// <summary>Keys of one query.</summary>
    private const int Chunk = 500;

    /// <returns>Null when the answer must not be cached.</returns>
    /// <param name="repeat">Which of the case's answers, from 0: repeats are answers of their own.</param>
    /// <param name="kind">Judges keep their replies apart from answers.</param>
    /// <param name="scope">Evaluation for which alone an answer is kept that nobody can vouch for; null = such answers are not kept.</param>
    public static string? Key(ModelSubject model, GenerationRequest request, int repeat = 0, string kind = "generate", string? scope = null) => Keyed(model, scope, () =>
    [
        Harness, kind, $"{repeat}", Identity(model), model.PromptDigest ?? "", $"{request.MaxTokens}", FormattableString.Invariant($"{request.Temperature:R}"), $"{request.Seed}", request.Tools ?? "",
        .. request.Messages.SelectMany(m => (string[])[m.Role, m.Content]), .. request.Metadata?.OrderBy(m => m.Key, StringComparer.Ordinal).SelectMany(m => (string[])[m.Key, m.Value]) ?? [],
    ]);

    /// <inheritdoc cref="Key(ModelSubject, GenerationRequest, int, string, string)"/>
    public static string? Key(ModelSubject model, string text, string? scope = null) => Keyed(model, scope, () => [Harness, "classify", Identity(model), text]);

    /// <summary>True when the key is kept for this evaluation alone.</summary>
    public static bool IsOf(string key, string scope) => key.StartsWith(Prefix(scope), StringComparison.Ordinal);

    private static string? Keyed(ModelSubject model, string? scope, Func<IEnumerable<string>> parts) =>
        model.Digest is not null || model.Entry.CacheFor is not null ? Hash(parts()) : scope is null ? null : Prefix(scope) + Hash(parts());

    private static string Identity(ModelSubject model) => model.Digest ?? $"remote {model.Reference}";

    private static string Prefix(string scope) => $"run-{scope}-";

    public async Task<IReadOnlyDictionary<string, string>> FindAsync(IReadOnlyCollection<string> keys, CancellationToken ct, TimeSpan? newerThan = null)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var age = TimeSpan.FromDays(options.CacheDays);
        if (newerThan < age) age = newerThan.Value;
        var oldest = time.NowMs() - (long)age.TotalMilliseconds;
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

    /// <summary>Forgets what was kept for one evaluation alone.</summary>
    public Task ForgetAsync(string scope, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM evl_response WHERE key >= @from AND key < @to",
        new { from = Prefix(scope), to = $"run-{scope}." }), ct);

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
