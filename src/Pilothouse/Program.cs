using System.CommandLine;
using Pilothouse.Commands;

var root = new RootCommand("Pilothouse takes a change to a language model from commit to production with evidence, watches it there, and takes it back when it degrades.")
{
    // The order of the list is the order in --help: the way of a change from project to production.
    InitCommand.Create(),
    CheckCommand.Create(),
    ProjectCommand.Create(),
    DataCommand.Create(),
    TestCommand.Create(),
    FairnessCommand.Create(),
    AuditCommand.Create(),
    TokenCommand.Create(),
    ServeCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
