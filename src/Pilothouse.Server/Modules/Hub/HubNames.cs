using Pilothouse.Protocols.Hub;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>
/// Ids of repositories and names in the registry: <c>team/model</c> is <c>team--model</c>, as in the clients' own caches. The Hub forbids <c>--</c> in an id, so both ways are sure.
/// </summary>
internal static class HubNames
{
    public static string ToRegistry(string id) => id.Replace("/", "--", StringComparison.Ordinal);

    /// <summary>Null for a name that no client can ask for.</summary>
    public static string? ToId(string name)
    {
        var cut = name.IndexOf("--", StringComparison.Ordinal);
        var id = cut < 0 ? name : $"{name[..cut]}/{name[(cut + 2)..]}";
        return HubAddress.IsValidId(id) ? id : null;
    }

    public static void Require(string id)
    {
        if (!HubAddress.IsValidId(id))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(id.Length > HubAddress.MaxId ? id[..HubAddress.MaxId] : id)}' is not an id of a repository. Use NAMESPACE/NAME or NAME of letters, digits, '.', '_' and '-', without '--' and '..', up to {HubAddress.MaxId} characters.");
    }
}

/// <summary>A fault with the Hub's own name for it (<c>X-Error-Code</c>).</summary>
internal static class HubFaults
{
    public const string Repository = "RepoNotFound", Revision = "RevisionNotFound", Entry = "EntryNotFound";

    /// <summary>Where the name stands until the error is written.</summary>
    public const string DataKey = "hub";

    public static PilothouseException NotFound(string code, string message) => new(ErrorCode.NotFound, message) { Data = { [DataKey] = code } };
}
