namespace Pilothouse.Protocols.V1;

/// <summary>A branch or tag of a repository.</summary>
/// <param name="Kind"><c>branch</c> or <c>tag</c>.</param>
/// <param name="Commit">40 hex digits; of an annotated tag the commit that it stands for.</param>
/// <param name="TimeMs">When the commit or tag was made.</param>
/// <param name="Protection">Rule that protects a branch; null = none.</param>
public sealed record RefInfo(string Name, string Kind, string Commit, long TimeMs, string Author, string Subject, bool IsDefault, BranchRuleInfo? Protection);

/// <summary>A directory at a commit.</summary>
/// <param name="Revision">As asked for.</param>
/// <param name="Commit">The commit that it means, 40 hex digits.</param>
/// <param name="Path">"" = the root.</param>
/// <param name="Truncated">It has more entries than are told.</param>
public sealed record TreeView(string Project, string Revision, string Commit, string Path, IReadOnlyList<TreeItem> Items, bool Truncated);

/// <summary>One entry of a directory.</summary>
/// <param name="Kind"><c>directory</c>, <c>file</c>, <c>link</c> (symbolic), <c>submodule</c>.</param>
/// <param name="Id">Git's id of the content.</param>
/// <param name="Size">Bytes of a file; null for others.</param>
public sealed record TreeItem(string Name, string Path, string Kind, string Id, long? Size, bool Executable);

/// <summary>A file at a commit.</summary>
/// <param name="Kind"><c>text</c>, <c>binary</c>, <c>image</c>, <c>lfs</c> (a pointer), <c>link</c> (symbolic), <c>submodule</c>.</param>
/// <param name="Size">Bytes in Git; of a pointer its own.</param>
/// <param name="Text">Of a text what fits into the bound; of a link its target.</param>
/// <param name="Truncated">The text is longer.</param>
/// <param name="Lfs">What a pointer points to.</param>
/// <param name="MediaType">Of an image.</param>
public sealed record FileView(string Project, string Revision, string Commit, string Path, string Id, string Kind, long Size, string? Text, bool Truncated, LfsView? Lfs, string? MediaType);

/// <summary>What an LFS pointer points to.</summary>
/// <param name="Oid">64 hex digits.</param>
/// <param name="Held">True = the project has the object.</param>
public sealed record LfsView(string Oid, long Size, bool Held);

/// <summary>A commit.</summary>
/// <param name="AuthorMs">When it was written; epoch milliseconds.</param>
/// <param name="TimeMs">When it was committed.</param>
/// <param name="Message">Whole, with its subject.</param>
public sealed record CommitView(string Id, IReadOnlyList<string> Parents, string Author, string AuthorEmail, long AuthorMs, string Committer, long TimeMs, string Subject, string Message);

/// <summary>A commit with what it changed against its first parent.</summary>
public sealed record CommitDetail(CommitView Commit, DiffView Diff);

/// <summary>What two revisions differ by: from where they parted to the head.</summary>
/// <param name="MergeBase">Best common ancestor; null when there is none.</param>
/// <param name="Ahead">Commits of the head that the base does not have.</param>
/// <param name="Behind">Commits of the base that the head does not have.</param>
/// <param name="Commits">The first of those ahead.</param>
public sealed record ComparisonView(string Base, string Head, string BaseCommit, string HeadCommit, string? MergeBase, long Ahead, long Behind, IReadOnlyList<CommitView> Commits, DiffView Diff);

/// <summary>A difference between two trees.</summary>
/// <param name="Count">Files that differ; more than are listed when it was cut.</param>
/// <param name="Truncated">Files or lines were left out.</param>
public sealed record DiffView(IReadOnlyList<FileDiff> Files, int Count, long Additions, long Deletions, bool Truncated);

/// <summary>One file of a difference.</summary>
/// <param name="OldPath">Null for a new file.</param>
/// <param name="Path">Null for a deleted file.</param>
/// <param name="Status"><c>added</c>, <c>deleted</c>, <c>modified</c>, <c>renamed</c>, <c>copied</c>, <c>type_changed</c>.</param>
/// <param name="IsBinary">Its lines are not compared.</param>
/// <param name="Truncated">Lines were left out.</param>
public sealed record FileDiff(string? OldPath, string? Path, string Status, string OldMode, string Mode, bool IsBinary, long Additions, long Deletions, IReadOnlyList<DiffHunk> Hunks, bool Truncated);

/// <param name="Heading">What git names it after, such as a function.</param>
public sealed record DiffHunk(int OldStart, int OldLines, int NewStart, int NewLines, string Heading, IReadOnlyList<DiffLine> Lines);

/// <param name="Kind"><c> </c> kept, <c>+</c> added, <c>-</c> removed, <c>\</c> a remark of git's.</param>
/// <param name="Old">Line number before; null for an added line.</param>
/// <param name="New">Line number after; null for a removed line.</param>
public sealed record DiffLine(string Kind, string Text, int? Old, int? New);

/// <summary>Who wrote which lines of a file.</summary>
/// <param name="Truncated">The file has more lines than are told.</param>
public sealed record BlameView(string Project, string Revision, string Commit, string Path, IReadOnlyList<BlameSection> Sections, bool Truncated);

/// <summary>Lines in a row that came with one commit.</summary>
/// <param name="Line">Number of the first line, from 1.</param>
public sealed record BlameSection(string Commit, string Author, long TimeMs, string Subject, int Line, IReadOnlyList<string> Lines);

/// <summary><c>POST /api/v1/projects/{project}/mirrors</c>.</summary>
/// <param name="Direction"><c>pull</c> = this repository follows the other; <c>push</c> = the other follows this one.</param>
/// <param name="Url">https or http address of the other repository, without a login.</param>
/// <param name="Password">Password or token; kept sealed, never shown.</param>
/// <param name="IntervalSeconds">Seconds between two runs, 60 to 30 days; 0 = only by command (a push mirror runs after each push in any case). Null = an hour for pull, 0 for push.</param>
public sealed record NewMirror(string? Direction, string? Url, string? User = null, string? Password = null, long? IntervalSeconds = null);

/// <summary>A mirror and how it does.</summary>
/// <param name="HasPassword">One is kept.</param>
/// <param name="LastMs">When it last ran; null = not yet.</param>
/// <param name="LastOkMs">When it last ran well.</param>
/// <param name="DueMs">When it runs next; null = by command, or after the next push.</param>
/// <param name="LastError">What went wrong the last time; null = nothing.</param>
public sealed record MirrorInfo(string Id, string Direction, string Url, string? User, bool HasPassword, long IntervalSeconds, string CreatedBy, long CreatedMs, long? LastMs, long? LastOkMs, long? DueMs, string? LastError);
