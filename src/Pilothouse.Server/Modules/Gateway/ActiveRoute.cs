using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>A route as it is served: immutable but for what it counts. A request keeps the one it began with.</summary>
internal sealed class ActiveRoute
{
    private const ulong Slots = 10_000;

    private readonly ActiveArm[] _byPriority;

    public ActiveRoute(GatewayRoute route)
    {
        Route = route;
        Arms = [.. route.Arms.Select(arm => new ActiveArm(arm))];
        // The canary has the low slots: when its share grows from 10 to 50 percent, the conversations that it has stay with it.
        _byPriority = [.. Arms.OrderBy(a => a.Definition.Arm == "stable" ? 1 : 0)];
    }

    public GatewayRoute Route { get; }

    public IReadOnlyList<ActiveArm> Arms { get; }

    /// <summary>The arm of a conversation: the same key has the same arm as long as the weights are the same, on every server.</summary>
    public ActiveArm Choose(string conversation)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{Route.Name}\n{conversation}"));
        var slot = (long)(BinaryPrimitives.ReadUInt64BigEndian(hash) % Slots);
        foreach (var arm in _byPriority)
        {
            slot -= arm.Definition.Weight * (long)Slots / 100;
            if (slot < 0) return arm;
        }
        return _byPriority[^1];
    }
}

/// <summary>One arm: what it runs, its prompt and what it served.</summary>
internal sealed class ActiveArm(GatewayArm definition)
{
    private readonly PromptFile? _prompt = definition.PromptTemplate is { Length: > 0 } text
        ? new PromptFile { Template = PromptTemplate.Parse(text), Messages = [], Parameters = new Dictionary<string, System.Text.Json.JsonElement>() } : null;

    public GatewayArm Definition => definition;

    public InferenceTarget Target { get; } = new(definition.Model, definition.Engine, definition.Url);

    public ArmStatistics Statistics { get; } = new();

    /// <summary>The messages with the arm's prompt around the last one of the user, rendered as evaluation does it; the metadata fills the prompt's further variables.</summary>
    /// <exception cref="Protocols.ProtocolFormatException">A variable of the prompt has no value.</exception>
    public IReadOnlyList<ChatTurn> Apply(IReadOnlyList<ChatTurn> messages, IReadOnlyDictionary<string, string> metadata)
    {
        var last = -1;
        for (var i = 0; i < messages.Count; i++)
            if (messages[i].Role == "user") last = i;
        if (_prompt is null || last < 0) return messages;
        var turns = messages.ToArray();
        var values = new Dictionary<string, string>(metadata, StringComparer.Ordinal);
        foreach (var (name, text) in definition.PromptDefaults ?? new Dictionary<string, string>())
            if (!PromptRenderer.InputVariables.Contains(name)) values.TryAdd(name, text); // those are what the user wrote
        turns[last] = turns[last] with { Content = PromptRenderer.Messages(_prompt, turns[last].Content, values)[0].Content };
        return turns;
    }
}
