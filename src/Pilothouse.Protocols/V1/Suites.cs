using System.Text.Json;

namespace Pilothouse.Protocols.V1;

/// <param name="Definition">What is asked, how it is scored, which gates hold: a JSON object.</param>
/// <param name="Data">Where the cases are: <c>datasets:/NAME/VERSION</c>, or a path in the repository.</param>
/// <param name="DataDigest">SHA-256 of the cases.</param>
/// <param name="Cases">Number of cases.</param>
public sealed record NewSuiteVersion(JsonElement Definition, string Data, string DataDigest, int Cases, string? Description = null, string? Project = null, string? Commit = null);

/// <summary>A registered version of an evaluation suite.</summary>
/// <param name="Digest">Of the definition with the digest of its cases.</param>
/// <param name="Commit">The first commit that had it.</param>
public sealed record SuiteVersion(string Name, int Version, string Digest, JsonElement Definition, string Data, string DataDigest, int Cases, string? Description, string? Project, string? Commit,
    string CreatedBy, long CreatedMs)
{
    public string Reference => $"suites:/{Name}/{Version}";
}

/// <summary>Body of <c>POST /api/v1/suites</c>: registers the suites of a commit.</summary>
/// <param name="Commit">Branch, tag or commit id.</param>
/// <param name="Suites">Names in the project file; null = all.</param>
public sealed record NewSuites(string Project, string Commit, IReadOnlyList<string>? Suites = null);
