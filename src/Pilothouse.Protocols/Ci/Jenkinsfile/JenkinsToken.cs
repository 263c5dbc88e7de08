namespace Pilothouse.Protocols.Ci.Jenkinsfile;

internal enum JenkinsTokenKind
{
    /// <summary>A name, with dots in it: <c>env.BRANCH_NAME</c>.</summary>
    Word,
    Text,
    Number,
    /// <summary>One character: brackets, commas, operators.</summary>
    Sign,
    NewLine,
    End,
}

/// <param name="Line">From 1, as is the column.</param>
internal readonly record struct JenkinsToken(JenkinsTokenKind Kind, string Text, int Line, int Column)
{
    public bool Is(char sign) => Kind == JenkinsTokenKind.Sign && Text[0] == sign;
}
