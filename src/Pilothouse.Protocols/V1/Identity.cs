namespace Pilothouse.Protocols.V1;

/// <param name="Role">reader, writer or admin.</param>
/// <param name="ExpiresMs">Epoch milliseconds; null = never.</param>
public sealed record NewToken(string Name, string Role, long? ExpiresMs = null);

/// <param name="Token">The secret: shown once, not stored.</param>
public sealed record CreatedToken(string Name, string Role, string Token);

public sealed record TokenInfo(string Name, string Role, long CreatedMs, long? ExpiresMs);

public sealed record WhoAmI(string Name, string Role);
