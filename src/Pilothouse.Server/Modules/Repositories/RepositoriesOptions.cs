using System.ComponentModel.DataAnnotations;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>Section <c>Repositories</c>.</summary>
public sealed class RepositoriesOptions
{
    /// <summary>The git program; found on the PATH by default.</summary>
    [Required]
    public string GitPath { get; set; } = "git";

    /// <summary>A reading command (log, cat-file) that takes longer is ended.</summary>
    [Range(1, 600)]
    public int CommandTimeoutSeconds { get; set; } = 30;

    /// <summary>A clone or push that takes longer is ended.</summary>
    [Range(1, 1440)]
    public int TransferTimeoutMinutes { get; set; } = 60;

    /// <summary>Largest pack that a push may send, in bytes; large files belong into blobs or Git LFS.</summary>
    [Range(1, long.MaxValue)]
    public long MaxPushBytes { get; set; } = 2L * 1024 * 1024 * 1024;

    /// <summary>Minutes for which the token of one Git LFS transfer is good; checked when the transfer starts.</summary>
    [Range(60, 360)]
    public int LfsTokenMinutes { get; set; } = 360;

    /// <summary>Largest object that Git LFS may push, in bytes.</summary>
    [Range(1, long.MaxValue)]
    public long LfsMaxObjectBytes { get; set; } = 1L << 40;

    /// <summary>Packs of a repository from which they are rolled up.</summary>
    [Range(2, 100_000)]
    public int MaintenancePacks { get; set; } = 20;

    /// <summary>Objects outside of packs (estimated) from which they are put into one.</summary>
    [Range(1, 100_000_000)]
    public long MaintenanceLooseObjects { get; set; } = 2_000;

    /// <summary>Minutes between two looks at the repositories that were pushed to.</summary>
    [Range(1, 10_080)]
    public int MaintenanceMinutes { get; set; } = 10;

    /// <summary>The default branch may not be forced or deleted, unless it has a rule of its own.</summary>
    public bool ProtectDefaultBranch { get; set; } = true;

    /// <summary>A push whose commits name LFS objects that the server does not have is refused.</summary>
    public bool RequireData { get; set; } = true;
}
