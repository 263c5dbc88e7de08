namespace Pilothouse.Server.Platform;

/// <summary>Tokens that the server gives to work it starts itself. Implemented by Identity.</summary>
public interface IServiceTokens
{
    /// <returns>Null when this server needs no login.</returns>
    Task<string?> CreateAsync(string name, Role role, TimeSpan lifetime, CancellationToken ct);

    /// <summary>Nothing happens when there is none of this name.</summary>
    Task RevokeAsync(string name, CancellationToken ct);
}
