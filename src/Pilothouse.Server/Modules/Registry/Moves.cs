using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Registry.Api;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class Moves(RegistryStore store) : IMoves
{
    public async Task<IReadOnlyList<PointerMove>> ListAsync(string scheme, string name, int limit, CancellationToken ct)
    {
        var type = scheme == RegistryReference.Prompts ? ObjectType.Prompt : ObjectType.Model;
        var current = await store.CurrentNameAsync(type, name, ct) ?? name;
        return (await store.MovesAsync(type, current, null, limit, ct)).ConvertAll(m => RegistryPointers.View(scheme, m));
    }
}
