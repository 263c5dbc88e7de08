namespace Pilothouse.Protocols.V1;

/// <summary>One page of a list.</summary>
/// <param name="NextPageToken">Opaque; null on the last page.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextPageToken);
