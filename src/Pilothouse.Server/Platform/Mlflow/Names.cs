using System.Buffers;

namespace Pilothouse.Server.Platform;

/// <summary>What MLflow allows as keys, and its limits. Clients match on some of the messages.</summary>
internal static class Names
{
    public const int MaxKey = 250;
    public const int MaxParamValue = 6000;
    public const int MaxTagValue = 8000;
    public const int MaxExperimentName = 500;
    public const int MaxExperimentTagValue = 5000;

    private static readonly SearchValues<char> Plain = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. /:");

    /// <summary>Certainly allowed: a short key of plain characters without a path in it. Others may be allowed too.</summary>
    public static bool IsPlain(string key) => key.Length is > 0 and <= MaxKey && key[0] is not ('/' or '.') && key[^1] != '/' && !key.AsSpan().ContainsAnyExcept(Plain)
        && !key.Contains("//", StringComparison.Ordinal) && !key.Contains("/.", StringComparison.Ordinal);

    /// <summary>Refuses a key of a metric, parameter or tag that MLflow would refuse.</summary>
    /// <param name="parameter">Name of the field in messages, e.g. <c>metrics[1].name</c>.</param>
    /// <param name="lengthName">Name of the field in the message about its length; MLflow uses another there.</param>
    public static void CheckKey(string key, string parameter, string lengthName)
    {
        if (key.Length == 0) throw new PilothouseException(ErrorCode.InvalidArgument, $"Missing value for required parameter '{parameter}'. See the API docs for more information about request parameters.");
        if (key.Length > MaxKey) throw TooLong(lengthName, MaxKey);
        if (key.AsSpan().ContainsAnyExcept(Plain) && !key.All(c => char.IsLetterOrDigit(c) || c is '_' or '-' or '.' or ' ' or '/' or ':'))
            throw Invalid(key, parameter, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).");
        // Most keys have no slash and no dot in front: no path to resolve.
        if (!key.Contains('/', StringComparison.Ordinal) && key[0] != '.') return;
        var resolved = Resolve(key);
        if (resolved != key || resolved == "." || resolved.StartsWith("..", StringComparison.Ordinal) || resolved.StartsWith('/'))
            throw Invalid(key, parameter, $"Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '{resolved}'");
    }

    /// <summary>Values beyond MLflow's limit are cut, as its server does by default.</summary>
    public static string Cut(string value, int max) => value.Length <= max ? value : value[..max];

    public static PilothouseException TooLong(string name, int max) => new(ErrorCode.InvalidArgument, $"'{name}' exceeds the maximum length of {max} characters");

    private static PilothouseException Invalid(string key, string parameter, string why) => new(ErrorCode.InvalidArgument, $"Invalid value \"{key}\" for parameter '{parameter}' supplied: {why}");

    /// <summary>The path without <c>.</c>, <c>..</c> and doubled slashes: <c>a/../b//c</c> is <c>b/c</c>.</summary>
    private static string Resolve(string path)
    {
        var parts = new List<string>();
        foreach (var part in path.Split('/'))
        {
            if (part is "" or ".") continue;
            if (part == ".." && parts.Count > 0 && parts[^1] != "..") parts.RemoveAt(parts.Count - 1);
            else if (part != ".." || !path.StartsWith('/')) parts.Add(part);
        }
        var resolved = (path.StartsWith('/') ? "/" : "") + string.Join('/', parts);
        return resolved.Length == 0 ? "." : resolved;
    }
}
