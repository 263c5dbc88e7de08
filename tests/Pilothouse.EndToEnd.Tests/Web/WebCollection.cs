namespace Pilothouse.EndToEnd.Tests.Web;

/// <summary>One server and one browser for all tests of the pages.</summary>
[CollectionDefinition("web")]
public sealed class WebCollection : ICollectionFixture<WebServer>, ICollectionFixture<Browser>;
