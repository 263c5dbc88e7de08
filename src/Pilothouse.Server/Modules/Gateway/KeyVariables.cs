using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>A file of a project may name a variable; where its value may go is the server's own setting, <see cref="GatewayOptions.KeyVariables"/>.</summary>
internal sealed class KeyVariables(GatewayOptions options) : IServerVariables
{
    public string Get(string variable, Uri? url)
    {
        PilothouseException Refused(string what) => new(ErrorCode.FailedPrecondition, what) { IsPermanent = true };
        var isKnown = options.KeyVariables.TryGetValue(variable, out var authorities);
        if (url is null && !isKnown) throw Refused($"The variable {variable} may not be used. Allow it on the server: Gateway:KeyVariables:{variable} = HOST, the host that may get its value.");
        if (url is not null && !(isKnown && authorities!.Split(',', StringSplitOptions.TrimEntries).Any(a => a == url.Authority || a == $"{url.Host}:{url.Port}")))
            throw Refused($"The key in {variable} may not be sent to {url.Authority}. Allow it on the server: Gateway:KeyVariables:{variable} = {url.Authority}.");
        return Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : throw Refused($"The environment variable {variable} is not set on the server.");
    }
}
