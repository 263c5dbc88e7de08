namespace Pilothouse.Protocols.V1;

/// <summary>What <c>POST /api/v1/projects/{project}/maintenance</c> did.</summary>
/// <param name="Repacked">False: there was too little to do.</param>
/// <param name="PacksBefore">Packs of the repository.</param>
/// <param name="LooseBefore">Objects outside of packs, estimated.</param>
public sealed record RepositoryCare(string Project, bool Repacked, int PacksBefore, long LooseBefore, int PacksAfter, long LooseAfter);
