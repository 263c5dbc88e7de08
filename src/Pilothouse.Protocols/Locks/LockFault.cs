namespace Pilothouse.Protocols.Locks;

/// <summary>One thing wrong in a lock.</summary>
/// <param name="Code">Its name, one of <see cref="LockFaults"/>.</param>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Message">What is wrong, in one sentence.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record LockFault(string Code, int Line, string Message, string Remedy)
{
    public override string ToString() => $"{Line}: {Code}: {Message} {Remedy}";
}

/// <summary>Names of what can be wrong in a lock.</summary>
public static class LockFaults
{
    /// <summary>Larger, longer or with more entries than is read.</summary>
    public const string TooLarge = "TOO_LARGE";

    /// <summary>Lines that Git writes where two branches changed the same entry.</summary>
    public const string MergeConflict = "MERGE_CONFLICT";

    /// <summary>Not the first line of a lock, or of a version this program does not know.</summary>
    public const string UnknownFormat = "UNKNOWN_FORMAT";

    /// <summary>A line that is neither a head, a field, a comment nor empty.</summary>
    public const string UnknownLine = "UNKNOWN_LINE";

    /// <summary>A field that this kind of entry does not have.</summary>
    public const string UnknownField = "UNKNOWN_FIELD";

    /// <summary>A field twice in one entry, or two entries of one name.</summary>
    public const string Duplicate = "DUPLICATE";

    /// <summary>A field that this kind of entry must have.</summary>
    public const string MissingField = "MISSING_FIELD";

    /// <summary>A value that is not of its field's form.</summary>
    public const string BadValue = "BAD_VALUE";

    /// <summary>A path that leaves the tree, or goes into a directory that is Git's or Pilothouse's own.</summary>
    public const string BadPath = "BAD_PATH";

    /// <summary>Two paths that are one on some file system, or one inside of the other.</summary>
    public const string PathCollision = "PATH_COLLISION";

    /// <summary>The digest of a model is not that of its files.</summary>
    public const string DigestMismatch = "DIGEST_MISMATCH";
}

/// <summary>What came of reading a lock.</summary>
/// <param name="File">The lock, or null when there is any fault.</param>
/// <param name="Faults">Every fault found, in file order; at most <see cref="LockFileReader.MaxFaults"/>.</param>
public sealed record LockFileResult(LockFile? File, IReadOnlyList<LockFault> Faults);
