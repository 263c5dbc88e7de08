using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    public Task<AuditVerification> VerifyAuditAsync(CancellationToken ct) => GetAsync<AuditVerification>("api/v1/audit/verify", ct);

    /// <summary>The whole log in order, as JSON lines.</summary>
    public async Task ExportAuditAsync(Stream target, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Get, "api/v1/audit/export", null, ct);
        await response.Content.CopyToAsync(target, ct);
    }

    public Task<WhoAmI> WhoAmIAsync(CancellationToken ct) => GetAsync<WhoAmI>("api/v1/whoami", ct);

    public Task<CreatedToken> CreateTokenAsync(NewToken token, CancellationToken ct) => PostAsync<CreatedToken>("api/v1/tokens", token, ct);
}
