namespace Pilothouse.Protocols.Ci.Jenkinsfile;

/// <summary>One statement of a block: <c>stage('Test') { ... }</c>, <c>sh 'make'</c>, <c>NAME = 'x'</c>.</summary>
/// <param name="Start">Index of its first token.</param>
/// <param name="ArgumentsEnd">Index after its last argument token: the block's brace, or the end of the statement.</param>
/// <param name="Block">Tokens between its braces; null without any.</param>
internal readonly record struct JenkinsStatement(JenkinsToken Name, int Start, int ArgumentsEnd, (int From, int To)? Block)
{
    public bool HasArguments => ArgumentsEnd > Start + 1;
}

/// <summary>Tokens with their brackets matched, cut into statements.</summary>
internal sealed class JenkinsCode(List<JenkinsToken> tokens, int[] matches)
{
    public IReadOnlyList<JenkinsToken> Tokens => tokens;

    public IEnumerable<JenkinsStatement> Statements(int from, int to)
    {
        for (var i = from; i < to;)
        {
            if (tokens[i].Kind == JenkinsTokenKind.NewLine || tokens[i].Is(';'))
            {
                i++;
                continue;
            }
            var start = i;
            (int, int)? block = null;
            var argumentsEnd = -1;
            // A matrix's axis or a Groovy expression may begin with a bracket; its caller says what is wrong with that.
            while (i < to && !EndsStatement(i, start))
            {
                if (tokens[i].Is('{') && block is null)
                {
                    (block, argumentsEnd) = ((i + 1, matches[i]), i);
                    i = matches[i] + 1;
                }
                else if (tokens[i].Is('(') || tokens[i].Is('[') || tokens[i].Is('{')) i = matches[i] + 1;
                else i++;
            }
            yield return new JenkinsStatement(tokens[start], start, argumentsEnd < 0 ? i : argumentsEnd, block);
        }
    }

    public string Arguments(JenkinsStatement s) => string.Concat(Enumerable.Range(s.Start + 1, s.ArgumentsEnd - s.Start - 1).Select(i => tokens[i].Text));

    private bool EndsStatement(int i, int start)
    {
        if (tokens[i].Is(';')) return true;
        if (tokens[i].Kind != JenkinsTokenKind.NewLine) return false;
        // Groovy reads on after an operator or a comma.
        return !(i > start && tokens[i - 1].Kind == JenkinsTokenKind.Sign && tokens[i - 1].Text[0] is ',' or ':' or '=' or '+' or '-' or '*' or '&' or '|' or '?' or '.' or '<' or '>');
    }
}
