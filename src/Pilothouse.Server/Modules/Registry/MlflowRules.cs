using System.Globalization;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>What MLflow allows as names, tags, aliases and stages. It is more than our own API allows to register, so reading takes both.</summary>
internal static partial class MlflowRules
{
    public const int MaxTagValue = 100_000;
    public const int MaxAlias = 255;
    public const int MaxDescription = 100_000;
    public const int MaxSource = 4_096;

    /// <summary>Tags of one create call.</summary>
    public const int MaxTags = 1_000;

    public static void RequireName(string name)
    {
        if (name.AsSpan().ContainsAny('/', ':')) throw Invalid($"Invalid model name '{RegistryRules.Shorten(name)}'. Names cannot contain '/' or ':'.");
        if (name.Length > RegistryReference.MaxReadNameLength) throw Names.TooLong("name", RegistryReference.MaxReadNameLength);
        if (name.Any(char.IsControl) || name.All(c => c is '.' or ' ')) throw Invalid($"Invalid model name '{RegistryRules.Shorten(name)}'. Names need a letter or digit and cannot contain control characters.");
    }

    public static void RequireTag(MlflowPair tag)
    {
        if (tag.Key.Length == 0) throw Invalid("Missing value for required parameter 'key'.");
        Names.CheckKey(tag.Key, "key", "key");
        if (tag.Value.Length > MaxTagValue) throw Names.TooLong("value", MaxTagValue);
        RequireNoNul(tag.Value, "value");
    }

    /// <summary>Checked; of a key that comes twice the last value counts, as in MLflow.</summary>
    public static List<MlflowPair> RequireTags(List<MlflowPair> tags)
    {
        if (tags.Count > MaxTags) throw Invalid($"There are {tags.Count} tags; {MaxTags} is the limit.");
        foreach (var tag in tags) RequireTag(tag);
        return [.. tags.Reverse<MlflowPair>().DistinctBy(t => t.Key).Reverse()];
    }

    public static void RequireDescription(string? description)
    {
        if (description?.Length > MaxDescription) throw Names.TooLong("description", MaxDescription);
        RequireNoNul(description, "description");
    }

    public static void RequireNoNul(string? text, string parameter)
    {
        if (text?.Contains('\0', StringComparison.Ordinal) == true) throw Invalid($"Invalid value for parameter '{parameter}': it holds a NUL character, which no database stores.");
    }

    public static void RequireAlias(string alias)
    {
        if (alias.Length > MaxAlias) throw Names.TooLong("Registered model alias name", MaxAlias);
        if (!alias.All(c => char.IsLetterOrDigit(c) || c is '_' or '-')) throw Invalid($"Invalid alias name: '{RegistryRules.Shorten(alias)}'. Names may only contain alphanumerics, underscores (_), and dashes (-).");
        if (IsLatest(alias)) throw Invalid("'latest' alias name (case insensitive) is reserved.");
        if (VersionLike().IsMatch(alias)) throw Invalid($"Version alias name '{alias}' is reserved.");
    }

    public static bool IsLatest(string alias) => alias.Equals("latest", StringComparison.OrdinalIgnoreCase);

    /// <summary>Versions are integers in texts. One that no version can have is found missing later, not here.</summary>
    public static long ParseVersion(string version) => Number().IsMatch(version) ? long.TryParse(version, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : -1
        : throw Invalid($"Parameter 'version' must be an integer, got '{RegistryRules.Shorten(version)}'.");

    /// <summary>In MLflow's spelling, whatever the case it was sent in.</summary>
    public static string RequireStage(string stage) => Stage.All.FirstOrDefault(s => s.Equals(stage, StringComparison.OrdinalIgnoreCase))
        ?? throw Invalid($"Invalid Model Version stage: {RegistryRules.Shorten(stage)}. Value must be one of {string.Join(", ", Stage.All)}.");

    public static void RequireRunId(string runId)
    {
        if (!RunId().IsMatch(runId)) throw Invalid($"Invalid run ID: '{RegistryRules.Shorten(runId)}'");
    }

    public static PilothouseException Missing(string name) => new(ErrorCode.NotFound, $"Registered Model with name={RegistryRules.Shorten(name)} not found");

    public static PilothouseException Missing(string name, long version) => new(ErrorCode.NotFound, $"Model Version (name={RegistryRules.Shorten(name)}, version={version}) not found");

    public static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    [GeneratedRegex(@"\A[vV][0-9]+\z")]
    private static partial Regex VersionLike();

    [GeneratedRegex(@"\A[+-]?[0-9]{1,100}\z")]
    private static partial Regex Number();

    [GeneratedRegex(@"\A[a-zA-Z0-9][\w\-]{0,255}\z")]
    private static partial Regex RunId();
}
