namespace Pilothouse.Protocols.V1;

/// <summary>A directory of TensorBoard event files that shall become a run.</summary>
/// <param name="Experiment">Name; created when there is none.</param>
/// <param name="Source">What was imported, e.g. the absolute path of the log directory. With <paramref name="Path"/> it finds the same run again.</param>
/// <param name="Path">TensorBoard's name of the run: the path below the log directory, <c>.</c> for itself.</param>
/// <param name="Name">Name of the run.</param>
/// <param name="StartMs">Epoch milliseconds of its first event.</param>
public sealed record NewEventRun(string Experiment, string Source, string Path, string Name, long StartMs);

/// <param name="Created">False when it was imported before.</param>
/// <param name="Deleted">The run was deleted on the server; nothing can be added until it is restored.</param>
public sealed record ImportedEventRun(string RunId, bool Created, bool Deleted, IReadOnlyList<EventFileState> Files);

/// <summary>What the server has of one event file.</summary>
/// <param name="Position">Bytes that were read: go on from here.</param>
/// <param name="Size">Bytes the file had when it was last sent; more than <paramref name="Position"/> when its last record is not whole yet, or the file ended.</param>
/// <param name="Points">Numbers that became points of metrics.</param>
/// <param name="Media">Histograms, texts, images and other tensors.</param>
/// <param name="Skipped">Events that are read but not kept: log messages, meta graphs.</param>
/// <param name="StepBacks">Times a step was smaller than the one before: a restart, or several writers in one directory. All points are kept.</param>
/// <param name="State"><c>reading</c>, or <c>ended</c>: damaged so that nothing behind <paramref name="Position"/> can be read.</param>
/// <param name="NotesTotal">Notes there are; at most 1,000 of a file are kept.</param>
public sealed record EventFileState(string Name, long Position, long Size, long Events, long Points, long Media, long Skipped, long StepBacks, string State, long NotesTotal, IReadOnlyList<EventNote> Notes);

/// <summary>Something a person should know about a file: damage, a restart, a name that was changed.</summary>
/// <param name="Offset">Byte of the file at which the record begins.</param>
/// <param name="Kind"><c>data_checksum</c>, <c>length_checksum</c>, <c>impossible_length</c>, <c>record_too_long</c>, <c>not_an_event</c>, <c>value</c>, <c>too_many_tags</c>, <c>restart</c>,
/// <c>step_back</c>, <c>skipped</c>, <c>time</c>, <c>renamed</c>, <c>param</c>, <c>text</c> or <c>replaced</c>.</param>
public sealed record EventNote(long Offset, string Kind, string Message);

/// <summary>All event files of a run.</summary>
/// <param name="FirstMs">Time of the earliest point; null = there are none.</param>
/// <param name="Trial">What the hparams plugin said last: <c>started</c>, <c>running</c>, <c>success</c>, <c>failure</c> or <c>unknown</c>; null = nothing.</param>
public sealed record RunEventFiles(IReadOnlyList<EventFileState> Files, long? FirstMs, long? LastMs, string? Trial);
