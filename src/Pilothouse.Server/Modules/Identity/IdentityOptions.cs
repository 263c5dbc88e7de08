namespace Pilothouse.Server.Modules.Identity;

/// <summary>Section <c>Identity</c>.</summary>
public sealed class IdentityOptions
{
    public const int MinTokenLength = 20;

    /// <summary>
    /// Token of the first administrator. Setting it turns authentication on: every call then needs a token.
    /// Empty (the default) = on loopback everyone is the local administrator.
    /// </summary>
    public string AdminToken { get; set; } = "";
}
