using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Web.Text;

/// <summary>Entries of the audit log as the pages show them.</summary>
internal static class AuditLines
{
    public static AuditLine Of(AuditEntry e) => new(e.Index, e.TimeMs, e.Actor, e.Action, e.Subject, e.Details, e.LeafHash, e.Hash);
}
