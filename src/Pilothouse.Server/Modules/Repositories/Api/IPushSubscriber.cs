namespace Pilothouse.Server.Modules.Repositories.Api;

/// <summary>
/// Is told of every push at least once, also when the server was killed between the move of the refs and the telling: what is to be told is written in the transaction that records the push. The event
/// <see cref="RepositoryPushed"/> on the bus is lost then, and is enough where the next push makes up for it.
/// </summary>
public interface IPushSubscriber
{
    /// <summary>Pushes that wait are kept under this name: it stays the same from version to version.</summary>
    string Subscriber { get; }

    /// <param name="id">Of the push: the same when it is told again, after a crash or a failure.</param>
    Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct);
}
