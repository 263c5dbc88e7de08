using Microsoft.AspNetCore.Components;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Web.Layout;

namespace Pilothouse.Web.Pages.Runs;

/// <summary>One tab of a run's page: has the run before it renders.</summary>
public abstract class RunTab : DataPage
{
    [Inject] public IRuns Runs { get; set; } = null!;

    [Inject] public NavigationManager Navigation { get; set; } = null!;

    [Parameter] public string Id { get; set; } = "";

    protected RunDetail Detail { get; private set; } = null!;

    protected RunSummary Run => Detail.Run;

    /// <summary>More may come: the tab keeps itself up to date.</summary>
    protected bool IsLive => Run.Status is "RUNNING";

    protected sealed override async Task LoadAsync(CancellationToken ct)
    {
        Detail = await Runs.GetAsync(Id, ct);
        await LoadTabAsync(ct);
    }

    protected virtual Task LoadTabAsync(CancellationToken ct) => Task.CompletedTask;
}
