using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Pilothouse.Testing;

/// <summary>
/// Runs a theory once per database with its kind (<c>sqlite</c>, <c>postgres</c>) as the only argument. A database that is not there is a visible skip.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DatabaseDataAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        var postgres = new TheoryDataRow<string>("postgres");
        if (TestDatabase.PostgresServer is null) postgres.Skip = "PILOTHOUSE_TEST_POSTGRES is not set (./test starts a server and sets it).";
        return ValueTask.FromResult<IReadOnlyCollection<ITheoryDataRow>>([new TheoryDataRow<string>("sqlite"), postgres]);
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
