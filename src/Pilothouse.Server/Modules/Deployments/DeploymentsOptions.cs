using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Section <c>Deployments</c>.</summary>
internal sealed class DeploymentsOptions
{
    /// <summary>How often rollouts under way are looked at. Alarms do not wait for it.</summary>
    [Range(typeof(TimeSpan), "00:00:00.05", "00:01:00", ErrorMessage = "Deployments:Tick must be between 50 ms and one minute.")]
    public TimeSpan Tick { get; set; } = TimeSpan.FromMilliseconds(500);
}
