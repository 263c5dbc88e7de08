using System.CommandLine;
using Pilothouse.Commands.Imports;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse import ...</c>: come in with all your data.</summary>
internal static class ImportCommand
{
    public static Command Create() => new("import", "Bring runs over from other tools: nothing is dropped silently, and importing again adds only what is new.") { MlflowImportCommand.Create(), TensorBoardImportCommand.Create() };
}
