using System.CommandLine;
using System.CommandLine.Invocation;
using Pilothouse.Commands;
using Pilothouse.Commands.Ci;

var root = new RootCommand("Pilothouse takes a change to a language model from commit to production with evidence, watches it there, and takes it back when it degrades.")
{
    // The order of the list is the order in --help: the way of a change from project to production.
    InitCommand.Create(),
    CheckCommand.Create(),
    LockCommand.Create(),
    AddCommand.Create(),
    SyncCommand.Create(),
    StatusCommand.Create(),
    ProjectCommand.Create(),
    LfsCommand.Create(),
    LfsCommand.CreateAgent(),
    RunCommand.Create(),
    ReproduceCommand.Create(),
    ImportCommand.Create(),
    ExportCommand.Create(),
    DataCommand.Create(),
    ModelCommand.Create(),
    DatasetCommand.Create(),
    PromptCommand.Create(),
    TestCommand.Create(),
    CiCommand.Create(),
    SuiteCommand.Create(),
    FairnessCommand.Create(),
    PackageCommand.Create(),
    ReleaseCommand.Create(),
    ApproveCommand.Create(),
    DeployCommand.Create(),
    RollbackCommand.Create(),
    WhatCommand.Create(),
    LineageCommand.Create(),
    DiffCommand.Create(),
    WatchCommand.Create(),
    AlertsCommand.Create(),
    AuditCommand.Create(),
    BlobsCommand.Create(),
    GcCommand.Create(),
    TokenCommand.Create(),
    ServeCommand.Create(),
    DemoCommand.Create(),
};
// A signal cancels a verb, which then ends in its own time: 'run' waits for its command, 'serve' drains. Killing it after two seconds (the default) would lose what they record.
var call = root.Parse(args);
var code = await call.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromDays(1) });
return call.Action is ParseErrorAction ? ExitCode.Usage : code; // it says 1, which is a gate's "no"
