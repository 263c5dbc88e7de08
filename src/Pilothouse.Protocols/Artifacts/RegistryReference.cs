using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>
/// Names one registered object: <c>models:/NAME/VERSION</c> (immutable), <c>models:/NAME@ALIAS</c> or <c>models:/NAME/latest</c> (pointers);
/// <c>datasets:/...</c> and <c>prompts:/...</c> likewise. The form of MLflow's
/// <see href="https://mlflow.org/docs/latest/ml/model-registry/">model URIs</see>.
/// </summary>
/// <param name="Scheme"><c>models</c>, <c>datasets</c>, <c>prompts</c> or <c>suites</c>.</param>
/// <param name="Version">From 1; null when an alias is named or the latest is meant.</param>
/// <param name="Alias">Without the <c>@</c>.</param>
public sealed record RegistryReference(string Scheme, string Name, int? Version, string? Alias)
{
    public const string Models = "models";
    public const string Datasets = "datasets";
    public const string Prompts = "prompts";
    public const string Suites = "suites";

    /// <summary>Longest name of an object or alias, in characters.</summary>
    public const int MaxNameLength = 128;

    /// <summary>True for 1 to 128 of <c>A-Z a-z 0-9 . _ -</c>, not dots alone: safe in URLs and file names.</summary>
    public static bool IsValidName([NotNullWhen(true)] string? name) =>
        name is { Length: > 0 and <= MaxNameLength }
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
        && name.Any(c => c != '.');

    /// <summary>Longest name that is read, in characters. MLflow's clients may give names that <see cref="IsValidName"/> refuses, such as <c>my model</c>.</summary>
    public const int MaxReadNameLength = 500;

    /// <summary>True for a name that an object may have, whoever gave it: without <c>/ : @</c> and control characters, not dots alone.</summary>
    public static bool IsReadableName([NotNullWhen(true)] string? name) =>
        name is { Length: > 0 and <= MaxReadNameLength } && !name.Any(c => c is '/' or ':' or '@' || char.IsControl(c)) && name.Any(c => c is not ('.' or ' '));

    /// <summary>True for a name that cannot be taken for a version: neither <c>latest</c> nor <c>v</c> and digits nor digits alone (MLflow's rule).</summary>
    public static bool IsValidAlias([NotNullWhen(true)] string? alias) =>
        IsValidName(alias)
        && !alias.Equals("latest", StringComparison.OrdinalIgnoreCase)
        && alias.AsSpan(alias[0] is 'v' or 'V' ? 1 : 0) is var rest
        && (rest.IsEmpty || rest.ContainsAnyExceptInRange('0', '9'));

    public static bool TryParse([NotNullWhen(true)] string? text, string scheme, [NotNullWhen(true)] out RegistryReference? reference)
    {
        reference = null;
        if (text is null || !text.StartsWith(scheme + ":/", StringComparison.Ordinal))
            return false;
        var rest = text.AsSpan(scheme.Length + 2);
        if (rest.IndexOfAny('/', '@') is not (> 0 and var cut))
            return false;
        var (name, target) = (rest[..cut].ToString(), rest[(cut + 1)..].ToString());
        if (!IsReadableName(name))
            return false;
        if (rest[cut] == '@')
            reference = IsValidAlias(target) ? new RegistryReference(scheme, name, null, target) : null;
        else if (target == "latest")
            reference = new RegistryReference(scheme, name, null, null);
        else if (int.TryParse(target, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version > 0)
            reference = new RegistryReference(scheme, name, version, null);
        return reference is not null;
    }

    public override string ToString() =>
        Alias is not null ? $"{Scheme}:/{Name}@{Alias}" : $"{Scheme}:/{Name}/{Version?.ToString(CultureInfo.InvariantCulture) ?? "latest"}";
}
