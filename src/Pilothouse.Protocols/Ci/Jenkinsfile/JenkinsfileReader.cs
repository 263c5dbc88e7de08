using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Ci.Jenkinsfile;

/// <summary>
/// Checks a Declarative Jenkinsfile (https://www.jenkins.io/doc/book/pipeline/syntax/): texts and brackets, sections and where they may stand, what each needs. Steps, options and parameters come
/// from plugins, so unknown ones pass unless they look like a slip of a core one; Groovy inside <c>script { }</c> is only checked for its brackets.
/// </summary>
internal sealed class JenkinsfileReader
{
    private const int MaxDepth = 64;
    private static readonly string[] PipelineSections = ["agent", "stages", "post", "tools", "environment", "options", "parameters", "triggers", "libraries"];
    private static readonly string[] StageSections = ["agent", "steps", "stages", "parallel", "matrix", "post", "when", "tools", "environment", "options", "input", "failFast"];
    private static readonly string[] MatrixSections = ["agent", "axes", "excludes", "stages", "post", "when", "tools", "environment", "options", "input"];
    private static readonly string[] PostConditions = ["always", "changed", "fixed", "regression", "aborted", "failure", "success", "unstable", "unsuccessful", "notBuilt", "cleanup"];
    private static readonly string[] Agents = ["any", "none", "label", "node", "docker", "dockerfile", "kubernetes"];
    private static readonly string[] Options =
    [
        "buildDiscarder", "checkoutToSubdirectory", "disableConcurrentBuilds", "disableResume", "durabilityHint", "newContainerPerStage", "overrideIndexTriggers", "parallelsAlwaysFailFast", "preserveStashes", "quietPeriod", "rateLimitBuilds",
        "retry", "skipDefaultCheckout", "skipStagesAfterUnstable", "timeout", "timestamps", "lock", "ansiColor",
    ];
    private static readonly string[] Whens = ["branch", "buildingTag", "changelog", "changeset", "changeRequest", "environment", "equals", "expression", "tag", "not", "allOf", "anyOf", "triggeredBy", "beforeAgent", "beforeInput", "beforeOptions", "isRestartedRun"];
    private static readonly string[] Triggers = ["cron", "pollSCM", "upstream", "githubPush", "GenericTrigger", "gitlab"];
    private static readonly string[] Parameters = ["string", "text", "booleanParam", "choice", "password", "file", "credentials", "run"];
    private static readonly string[] Groovy = ["def", "if", "for", "while", "try", "switch", "return", "throw", "class", "import", "final"];
    private static readonly string[] NeedArgument = ["sh", "bat", "powershell", "pwsh", "echo", "junit", "error", "stash", "unstash", "dir", "archiveArtifacts"];
    private static readonly string[] NotSteps = ["agent", "stages", "stage", "steps", "post", "when", "options", "triggers", "parameters", "environment", "properties"];

    private readonly JenkinsCode _code;
    private readonly FaultList _faults;

    private JenkinsfileReader(JenkinsCode code, FaultList faults) => (_code, _faults) = (code, faults);

    public static void Check(string text, FaultList faults)
    {
        if (text.Length > CiLint.MaxJenkinsfile)
        {
            faults.Add(1, 1, "", $"The file is larger than {CiLint.MaxJenkinsfile / 1024} KiB.", "Move code into a shared library.");
            return;
        }
        if (new JenkinsLexer(text, faults).Read() is not { } tokens || Match(tokens, faults) is not { } matches) return;
        new JenkinsfileReader(new JenkinsCode(tokens, matches), faults).Root();
    }

    private static int[]? Match(List<JenkinsToken> tokens, FaultList faults)
    {
        var matches = new int[tokens.Count];
        var open = new Stack<int>();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Kind != JenkinsTokenKind.Sign) continue;
            var sign = tokens[i].Text[0];
            if (sign is '(' or '[' or '{') open.Push(i);
            else if (sign is ')' or ']' or '}')
            {
                if (open.Count == 0)
                {
                    faults.Add(tokens[i].Line, tokens[i].Column, "", $"This '{sign}' closes nothing.", "Remove it, or open the block that it ends.");
                    return null;
                }
                var begin = tokens[open.Peek()];
                if (begin.Text[0] != sign switch { ')' => '(', ']' => '[', _ => '{' })
                {
                    faults.Add(begin.Line, begin.Column, "", $"This '{begin.Text}' is not closed before the '{sign}' of line {tokens[i].Line}.", $"Close it with '{Closing(begin.Text[0])}'.");
                    return null;
                }
                matches[i] = open.Peek();
                matches[open.Pop()] = i;
            }
        }
        if (open.Count == 0) return matches;
        var last = tokens[open.Peek()];
        faults.Add(last.Line, last.Column, "", $"This '{last.Text}' is never closed.", $"Add its '{Closing(last.Text[0])}'.");
        return null;
    }

    private static char Closing(char open) => open switch { '(' => ')', '[' => ']', _ => '}' };

    private void Root()
    {
        var top = _code.Statements(0, _code.Tokens.Count - 1).ToList();
        var pipelines = top.Where(s => s.Name is { Kind: JenkinsTokenKind.Word, Text: "pipeline" } && s.Block is not null).ToList();
        if (pipelines.Count > 1) Fault(pipelines[1].Name, "pipeline", "There is a second pipeline.", "Keep one in a file.");
        if (pipelines.Count > 0) Pipeline(pipelines[0]);
        // A scripted pipeline is Groovy: nothing more can be said of it than that its texts and brackets are whole.
        else if (!top.Exists(s => s.Name.Text is "node" or "podTemplate" or "stage" && s.Block is not null))
            _faults.Add(1, 1, "pipeline", "There is no pipeline.", "Begin with pipeline { agent any; stages { ... } }.");
    }

    private void Pipeline(JenkinsStatement pipeline)
    {
        var sections = Sections(pipeline, "pipeline", PipelineSections);
        Require(sections, pipeline, "pipeline", "agent", "agent any");
        Require(sections, pipeline, "pipeline", "stages", "stages { stage('Test') { steps { ... } } }");
        foreach (var section in sections) Section(section, "pipeline", 1);
    }

    private void Stage(JenkinsStatement stage, string path, int depth)
    {
        var name = _code.Arguments(stage).Trim('(', ')');
        path = $"{path}.stage({ObjectReader.Shorten(name)})";
        if (name.Length == 0) Fault(stage.Name, path, "The stage has no name.", "Write stage('Name') { ... }.");
        if (stage.Block is null)
        {
            Fault(stage.Name, path, "The stage has no block.", "Write stage('Name') { steps { ... } }, with '{' on the same line.");
            return;
        }
        var sections = Sections(stage, path, StageSections);
        var bodies = sections.Where(s => s.Name.Text is "steps" or "stages" or "parallel" or "matrix").ToList();
        if (bodies.Count == 0) Fault(stage.Name, path, "The stage does nothing.", "Add steps { ... }, stages { ... }, parallel { ... } or matrix { ... }.");
        else if (bodies.Count > 1) Fault(bodies[1].Name, path, $"A stage has one of steps, stages, parallel and matrix; this one has '{bodies[0].Name.Text}' and '{bodies[1].Name.Text}'.", "Make two stages of it.");
        foreach (var section in sections) Section(section, path, depth + 1);
    }

    private void Section(JenkinsStatement section, string path, int depth)
    {
        var at = $"{path}.{section.Name.Text}";
        if (depth > MaxDepth)
        {
            Fault(section.Name, at, $"Nested deeper than {MaxDepth} levels.", "Flatten it.");
            return;
        }
        if (section.Name.Text == "agent") Agent(section, at);
        else if (section.Name.Text == "failFast")
        {
            if (_code.Arguments(section).Trim('(', ')') is not ("true" or "false")) Fault(section.Name, at, "failFast is true or false.", "Write failFast true.");
        }
        else if (section.Name.Text == "input" && section.Block is null) return; // input 'message'
        else if (section.Block is not { } block) Fault(section.Name, at, $"'{section.Name.Text}' needs a block.", $"Write {section.Name.Text} {{ ... }}, with '{{' on the same line.");
        else
            switch (section.Name.Text)
            {
                case "stages" or "parallel": Stages(section, at, depth); break;
                case "matrix": Matrix(section, at, depth); break;
                case "steps": Steps(section, block, at, depth); break;
                case "post": Post(section, at, depth); break;
                case "environment": Environment(block, at); break;
                case "options": Names(section, at, Options, "option"); break;
                case "when": When(section, at, depth); break;
                case "triggers": Names(section, at, Triggers, "trigger"); break;
                case "parameters": Names(section, at, Parameters, "parameter"); break;
            }
    }

    private void Stages(JenkinsStatement stages, string path, int depth)
    {
        var (from, to) = stages.Block!.Value;
        var any = false;
        foreach (var stage in _code.Statements(from, to))
        {
            any = true;
            if (stage.Name.Text == "stage") Stage(stage, path, depth);
            else if (stages.Name.Text != "parallel" || stage.Name.Text != "failFast") Unknown(stage.Name, path, ["stage"], "It holds stage('Name') { ... } only.");
        }
        if (!any) Fault(stages.Name, path, "There is no stage in it.", "Add stage('Name') { steps { ... } }.");
    }

    private void Matrix(JenkinsStatement matrix, string path, int depth)
    {
        var sections = Sections(matrix, path, MatrixSections);
        Require(sections, matrix, path, "stages", "stages { stage('Test') { steps { ... } } }");
        foreach (var section in sections.Where(s => s.Name.Text is not ("axes" or "excludes"))) Section(section, path, depth + 1);
    }

    private void Post(JenkinsStatement post, string path, int depth)
    {
        var conditions = Sections(post, path, PostConditions);
        if (conditions.Count == 0) Fault(post.Name, path, "It has no condition.", "Add always { ... }, or another of: " + string.Join(", ", PostConditions) + ".");
        foreach (var condition in conditions)
            if (condition.Block is { } block) Steps(condition, block, $"{path}.{condition.Name.Text}", depth + 1);
            else Fault(condition.Name, $"{path}.{condition.Name.Text}", "It needs a block.", $"Write {condition.Name.Text} {{ ... }}.");
    }

    private void Steps(JenkinsStatement owner, (int From, int To) block, string path, int depth)
    {
        if (depth > MaxDepth)
        {
            Fault(owner.Name, path, $"Nested deeper than {MaxDepth} levels.", "Flatten it.");
            return;
        }
        var any = false;
        foreach (var step in _code.Statements(block.From, block.To))
        {
            any = true;
            if (step.Name.Kind != JenkinsTokenKind.Word) Fault(step.Name, path, $"Expected a step, found '{ObjectReader.Shorten(step.Name.Text)}'.", "Begin with the name of a step; other code stands in script { ... }.");
            else if (Groovy.Contains(step.Name.Text) || IsAssignment(step)) Fault(step.Name, path, $"'{ObjectReader.Shorten(step.Name.Text)}' is Groovy code, not a step.", "Put it into script { ... }.");
            else if (NotSteps.Contains(step.Name.Text) && (step.Block is not null || step.Name.Text == "agent")) Fault(step.Name, path, $"'{step.Name.Text}' is no step.", "Move it out of the steps.");
            else if (NeedArgument.Contains(step.Name.Text) && (!step.HasArguments || _code.Arguments(step) == "()")) Fault(step.Name, path, $"'{step.Name.Text}' needs an argument.", $"Write {step.Name.Text} '...'.");
            else if (step.Block is { } inner && step.Name.Text is not ("script" or "parallel")) Steps(step, inner, $"{path}.{step.Name.Text}", depth + 1);
        }
        if (!any) Fault(owner.Name, path, "There is no step in it.", "Add one, such as sh 'make'.");
    }

    private void Environment((int From, int To) block, string path)
    {
        foreach (var entry in _code.Statements(block.From, block.To))
            if (entry.Name.Kind != JenkinsTokenKind.Word || !IsAssignment(entry)) Fault(entry.Name, path, "Expected NAME = VALUE.", "Write NAME = 'value' or NAME = credentials('id').");
            else if (entry.Name.Text.Contains('.')) Fault(entry.Name, path, $"'{entry.Name.Text}' cannot be the name of a variable.", "Use letters, digits and '_'.");
            else if (entry.ArgumentsEnd <= entry.Start + 2) Fault(entry.Name, path, $"'{entry.Name.Text}' has no value.", "Write NAME = 'value'.");
    }

    private void When(JenkinsStatement when, string path, int depth)
    {
        var (from, to) = when.Block!.Value;
        var any = false;
        foreach (var condition in _code.Statements(from, to))
        {
            any = true;
            if (!Whens.Contains(condition.Name.Text)) Unknown(condition.Name, path, Whens, $"Use one of {string.Join(", ", Whens)}.");
            else if (condition.Name.Text is "not" or "allOf" or "anyOf" && condition.Block is not null && depth < MaxDepth) When(condition, $"{path}.{condition.Name.Text}", depth + 1);
        }
        if (!any) Fault(when.Name, path, "There is no condition in it.", "Add one, such as branch 'main'.");
    }

    private void Agent(JenkinsStatement agent, string path)
    {
        if (agent.Block is { } block)
        {
            var kinds = _code.Statements(block.From, block.To).ToList();
            if (kinds.Count == 0) Fault(agent.Name, path, "It is empty.", "Write agent any, or agent { label 'linux' }.");
            foreach (var kind in kinds.Where(k => !Agents.Contains(k.Name.Text))) Near(kind.Name, path, Agents, "agent");
            return;
        }
        var word = _code.Arguments(agent);
        if (word is not ("any" or "none")) Fault(agent.Name, path, word.Length == 0 ? "It is empty." : $"'{ObjectReader.Shorten(word)}' is no agent.", "Write agent any, agent none, or agent { label 'linux' }.");
    }

    /// <summary>Plugins bring more than is known here: only what looks like a slip is told.</summary>
    private void Names(JenkinsStatement section, string path, string[] known, string what)
    {
        var (from, to) = section.Block!.Value;
        var any = false;
        foreach (var entry in _code.Statements(from, to))
        {
            any = true;
            if (entry.Name.Kind != JenkinsTokenKind.Word) Fault(entry.Name, path, $"Expected the name of a {what}.", $"Write one such as {known[0]}(...).");
            else if (!known.Contains(entry.Name.Text)) Near(entry.Name, path, known, what);
        }
        if (!any) Fault(section.Name, path, "It is empty.", "Add an entry, or remove the block.");
    }

    private List<JenkinsStatement> Sections(JenkinsStatement owner, string path, string[] known)
    {
        var found = new List<JenkinsStatement>();
        foreach (var section in _code.Statements(owner.Block!.Value.From, owner.Block.Value.To))
        {
            if (section.Name.Kind != JenkinsTokenKind.Word || !known.Contains(section.Name.Text))
                Unknown(section.Name, path, known, section.Block is null && known != PostConditions ? "A step stands in steps { ... }." : $"It may have: {string.Join(", ", known)}.");
            else if (found.Exists(f => f.Name.Text == section.Name.Text)) Fault(section.Name, $"{path}.{section.Name.Text}", $"'{section.Name.Text}' is there twice.", "Put both into one.");
            else found.Add(section);
        }
        return found;
    }

    private void Require(List<JenkinsStatement> sections, JenkinsStatement owner, string path, string name, string example)
    {
        if (!sections.Exists(s => s.Name.Text == name)) Fault(owner.Name, $"{path}.{name}", $"'{name}' is missing.", $"Add {example}.");
    }

    private bool IsAssignment(JenkinsStatement s) => s.Start + 1 < s.ArgumentsEnd && _code.Tokens[s.Start + 1].Is('=') && !(s.Start + 2 < s.ArgumentsEnd && _code.Tokens[s.Start + 2].Is('='));

    private void Near(JenkinsToken name, string path, string[] known, string what)
    {
        if (!_faults.IsFull && Suggestion.Nearest(name.Text, known) is { } near) Fault(name, path, $"The {what} '{ObjectReader.Shorten(name.Text)}' is not known.", $"Did you mean '{near}'?");
    }

    private void Unknown(JenkinsToken name, string path, string[] known, string remedy)
    {
        var near = _faults.IsFull || name.Kind != JenkinsTokenKind.Word ? null : Suggestion.Nearest(name.Text, known);
        Fault(name, path, $"'{ObjectReader.Shorten(name.Text)}' may not stand here.", near is null ? remedy : $"Did you mean '{near}'?");
    }

    private void Fault(JenkinsToken at, string path, string message, string remedy) => _faults.Add(at.Line, at.Column, path, message, remedy);
}
