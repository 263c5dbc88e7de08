using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http;

namespace Pilothouse.Web.Layout;

/// <summary>
/// A page that has its data before it renders for the first time. A plain component renders once while OnInitializedAsync still waits for the database, and would
/// have to guard every field against that moment; a page of static rendering has nothing to show then anyway.
/// </summary>
public abstract class DataPage : ComponentBase
{
    [CascadingParameter] public HttpContext Http { get; set; } = null!;

    public sealed override async Task SetParametersAsync(ParameterView parameters)
    {
        parameters.SetParameterProperties(this);
        await LoadAsync(Http.RequestAborted);
        await base.SetParametersAsync(ParameterView.Empty);
    }

    /// <summary>Reads everything that the page shows. What it throws becomes the error page.</summary>
    protected virtual Task LoadAsync(CancellationToken ct) => Task.CompletedTask; // not abstract: the class made of _Imports.razor inherits, too
}
