using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

internal sealed class EventFileRow
{
    public const string Reading = "reading";
    public const string Ended = "ended";

    public long Id { get; set; }
    public long Run { get; set; }
    /// <summary>Path below the run's directory, or below its artifacts.</summary>
    public string Name { get; set; } = "";
    /// <summary>Directory among the artifacts, which stands before the tags; empty for an imported file.</summary>
    public string Folder { get; set; } = "";
    /// <summary>First bytes, which tell a file that grew from another one of the same name.</summary>
    public byte[] Head { get; set; } = [];
    public long Position { get; set; }
    public long Size { get; set; }
    public long Events { get; set; }
    public long Points { get; set; }
    public long Media { get; set; }
    public long Skipped { get; set; }
    public long StepBacks { get; set; }
    public long Notes { get; set; }
    public string State { get; set; } = Reading;
    /// <summary>Blob that waits to be read.</summary>
    public string? Pending { get; set; }

    public EventFileState ToState(IReadOnlyList<EventNote> notes) => new(Name, Position, Size, Events, Points, Media, Skipped, StepBacks, State, Notes, notes);
}

/// <summary>State of reading that all files of one directory share.</summary>
internal sealed class EventStreamRow
{
    public double? FileVersion { get; set; }
    public long SeenStart { get; set; }
    public long? LastStep { get; set; }
    public long? FirstMs { get; set; }
    public long? LastMs { get; set; }
    public string? Trial { get; set; }

    /// <summary>Events of this reading that its file's count has already; not stored.</summary>
    public long Counted { get; set; }
}

internal sealed class EventTagRow
{
    public byte[] Tag { get; set; } = [];
    public long Described { get; set; }
    public string Plugin { get; set; } = "";
    public byte[] Content { get; set; } = [];
    public string DisplayName { get; set; } = "";
    public string Description { get; set; } = "";
    public long DataClass { get; set; }
}
