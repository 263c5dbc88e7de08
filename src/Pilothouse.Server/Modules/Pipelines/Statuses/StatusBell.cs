namespace Pilothouse.Server.Modules.Pipelines.Statuses;

/// <summary>Rung when a status was set: what tells statuses elsewhere listens, and itself reads them.</summary>
internal sealed class StatusBell
{
    private Action _listeners = () => { };

    public void Listen(Action listener) => _listeners += listener;

    public void Ring() => _listeners();
}
