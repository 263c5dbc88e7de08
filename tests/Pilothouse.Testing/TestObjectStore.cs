using System.Reflection;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

namespace Pilothouse.Testing;

/// <summary>A server that speaks S3, for tests: <c>PILOTHOUSE_TEST_S3=http://KEY:SECRET@HOST:PORT/BUCKET</c>.</summary>
public static class TestObjectStore
{
    public static Uri? Address => Environment.GetEnvironmentVariable("PILOTHOUSE_TEST_S3") is { Length: > 0 } value ? new Uri(value) : null;

    /// <summary>Settings of a server whose blobs lie there, below a prefix of its own.</summary>
    public static Dictionary<string, string?> Settings()
    {
        var address = Address ?? throw new InvalidOperationException("PILOTHOUSE_TEST_S3 is not set.");
        var user = address.UserInfo.Split(':');
        return new Dictionary<string, string?>
        {
            ["Blobs:S3:Endpoint"] = address.GetLeftPart(UriPartial.Scheme) + address.Authority[(address.Authority.LastIndexOf('@') + 1)..],
            ["Blobs:S3:Bucket"] = address.AbsolutePath.Trim('/'),
            ["Blobs:S3:AccessKey"] = user[0],
            ["Blobs:S3:SecretKey"] = user[1],
            ["Blobs:S3:Prefix"] = Guid.NewGuid().ToString("N") + "/",
            ["Blobs:S3:PartBytes"] = (5 * 1024 * 1024).ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
    }
}

/// <summary>Runs a theory once per kind of blob store (<c>disk</c>, <c>s3</c>) as the only argument. One that is not there is a visible skip.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class BlobStoreDataAttribute : DataAttribute
{
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        var s3 = new TheoryDataRow<string>("s3");
        if (TestObjectStore.Address is null) s3.Skip = "PILOTHOUSE_TEST_S3 is not set (./test starts a server and sets it).";
        return ValueTask.FromResult<IReadOnlyCollection<ITheoryDataRow>>([new TheoryDataRow<string>("disk"), s3]);
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
