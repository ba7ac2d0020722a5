using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Notary.Server.OpenApi;

// The bodies of requests and answers as the OpenAPI document shows them. The hot paths read and write bytes; these types are never
// instantiated. The tests hold real answers against them.

[Description("One request to seal evidence, or one line of a batch.")]
internal sealed record EvidenceRequestShape(
    [property: JsonPropertyName("type"), Description("Evidence type, for instance contract.electronic.")] string Type,
    [property: JsonPropertyName("parts"), Description("1 to 1,000 parts. Left out in a multipart deposit.")] PartShape[] Parts,
    [property: JsonPropertyName("metadata"), Description("Committed fields by name, kept encrypted: at most 16 KiB; files is an array of file names, every other value a string.")] Dictionary<string, JsonElement>? Metadata,
    [property: JsonPropertyName("sent"), Description("When the submitter says it sent the request, yyyy-MM-ddTHH:mm:ss.fffZ.")] string? Sent,
    [property: JsonPropertyName("previous"), Description("Id of the version that this record replaces.")] string? Previous,
    [property: JsonPropertyName("relation"), Description("none, operator or interested.")] string? Relation,
    [property: JsonPropertyName("id"), Description("UUIDv7 drawn by the submitter; only together with secret, needed for tree parts.")] string? Id,
    [property: JsonPropertyName("secret"), Description("32 bytes, lower-case hex, drawn by the submitter; only together with id.")] string? Secret,
    [property: JsonPropertyName("statement"), Description("The line's place in the agency's origin statement.")] StatementShape? Statement);

[Description("A part of a record: a file, or a tree of rows.")]
internal sealed record PartShape(
    [property: JsonPropertyName("kind"), Description("file (default) or tree.")] string? Kind,
    [property: JsonPropertyName("media"), Description("Media type, for instance application/pdf.")] string Media,
    [property: JsonPropertyName("sha256"), Description("64 lower-case hex digits.")] string Sha256,
    [property: JsonPropertyName("size"), Description("Bytes.")] long Size,
    [property: JsonPropertyName("sm3"), Description("64 lower-case hex digits.")] string Sm3,
    [property: JsonPropertyName("root"), Description("tree: RFC 6962 root over the row commitments.")] string? Root,
    [property: JsonPropertyName("rows"), Description("tree: number of rows.")] long? Rows,
    [property: JsonPropertyName("rule"), Description("tree: how rows are cut.")] string? Rule);

internal sealed record StatementShape(
    [property: JsonPropertyName("index")] int Index,
    [property: JsonPropertyName("nonce")] string Nonce,
    [property: JsonPropertyName("root")] string Root);

[Description("A deposit with its files. The files are hashed while they arrive and not kept; their names become the committed field files.")]
internal sealed record MultipartShape(
    [property: JsonPropertyName("request"), Description("The JSON request without parts and without metadata.files.")] string Request,
    [property: JsonPropertyName("file"), Description("One or more files, in the order of the parts.")] IFormFile File);

[Description("What the depositor keeps: it verifies alone. The secret opens the record's commitments and is as confidential as the record.")]
internal sealed record ReceiptShape(
    [property: JsonPropertyName("v")] int V,
    [property: JsonPropertyName("number"), Description("Record number, for instance BJ-0000-0000-0006-O.")] string Number,
    [property: JsonPropertyName("leaf"), Description("The sealed leaf, canonical JSON as text.")] string Leaf,
    [property: JsonPropertyName("secret"), Description("32 bytes, lower-case hex.")] string Secret,
    [property: JsonPropertyName("proof"), Description("C2SP tlog-proof text with the signed checkpoint.")] string Proof,
    [property: JsonPropertyName("anchor"), Description("The way to the main chain; absent before the record is anchored.")] AnchorShape? Anchor);

internal sealed record AnchorShape(
    [property: JsonPropertyName("leaf"), Description("The anchor leaf of the main chain, canonical JSON as text.")] string Leaf,
    [property: JsonPropertyName("proof"), Description("C2SP tlog-proof text of that leaf with a final checkpoint of the main chain.")] string Proof);

[Description("A receipt, and where the record stands.")]
internal sealed record SealedShape(
    [property: JsonPropertyName("v")] int V,
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("leaf")] string Leaf,
    [property: JsonPropertyName("secret")] string Secret,
    [property: JsonPropertyName("proof")] string Proof,
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("state"), Description("sealed, final or anchored.")] string State,
    [property: JsonPropertyName("anchor"), Description("The way to the main chain; absent before the record is anchored.")] AnchorShape? Anchor);

[Description("One line of a batch's answer: a sealed record, a refused line, or (last) the range with its proof and checkpoint.")]
internal sealed record BatchLineShape(
    [property: JsonPropertyName("line"), Description("Line of the request, from 0.")] int? Line,
    [property: JsonPropertyName("leaf"), Description("The sealed leaf.")] JsonElement? Leaf,
    [property: JsonPropertyName("number")] string? Number,
    [property: JsonPropertyName("secret")] string? Secret,
    [property: JsonPropertyName("error")] LineErrorShape? Error,
    [property: JsonPropertyName("range")] RangeShape? Range,
    [property: JsonPropertyName("checkpoint"), Description("The signed checkpoint that covers the range.")] string? Checkpoint);

internal sealed record LineErrorShape([property: JsonPropertyName("code")] string Code, [property: JsonPropertyName("detail")] string Detail);

internal sealed record RangeShape(
    [property: JsonPropertyName("first")] long First,
    [property: JsonPropertyName("count")] int Count,
    [property: JsonPropertyName("size")] long Size,
    [property: JsonPropertyName("proof"), Description("Base64 of 32 bytes each.")] string[] Proof);

[Description("A record as its reader may see it: anyone the first six members, an account also who deposited what when, the depositor also what opens it.")]
internal sealed record RecordShape(
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("sealed")] string Sealed,
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("id")] string? Id,
    [property: JsonPropertyName("type")] string? Type,
    [property: JsonPropertyName("account")] string? Account,
    [property: JsonPropertyName("received")] string? Received,
    [property: JsonPropertyName("sent")] string? Sent,
    [property: JsonPropertyName("parts")] JsonElement[]? Parts,
    [property: JsonPropertyName("metadata")] Dictionary<string, JsonElement>? Metadata);

[Description("What is known of a digest. Never who deposited it or what it is about.")]
internal sealed record LookupShape(
    [property: JsonPropertyName("digest")] string Digest,
    [property: JsonPropertyName("records")] LookupRecordShape[] Records,
    [property: JsonPropertyName("size"), Description("Records in the log.")] long Size,
    [property: JsonPropertyName("indexed"), Description("Records below this index are found; the index follows the log by moments.")] long Indexed);

internal sealed record LookupRecordShape(
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("sealed")] string Sealed,
    [property: JsonPropertyName("state")] string State);

[Description("The verification report (docs/spec/verdicts.md).")]
internal sealed record ReportShape(
    [property: JsonPropertyName("v")] int V,
    [property: JsonPropertyName("indication"), Description("TOTAL-PASSED, TOTAL-FAILED or INDETERMINATE (ETSI EN 319 102-1).")] string Indication,
    [property: JsonPropertyName("subIndication")] string? SubIndication,
    [property: JsonPropertyName("notice"), Description("What kind of trust file was used, when it is not a production one.")] TextShape? Notice,
    [property: JsonPropertyName("sentence")] TextShape Sentence,
    [property: JsonPropertyName("remarks")] TextShape[] Remarks,
    [property: JsonPropertyName("checks")] CheckShape[] Checks,
    [property: JsonPropertyName("decidingCheck")] string? DecidingCheck,
    [property: JsonPropertyName("record")] JsonElement? Record,
    [property: JsonPropertyName("parts")] JsonElement[] Parts,
    [property: JsonPropertyName("fields")] JsonElement[] Fields,
    [property: JsonPropertyName("state")] JsonElement State,
    [property: JsonPropertyName("times")] JsonElement? Times,
    [property: JsonPropertyName("trust")] JsonElement? Trust);

internal sealed record TextShape([property: JsonPropertyName("en")] string En, [property: JsonPropertyName("zh")] string Zh);

internal sealed record CheckShape(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("outcome"), Description("passed, failed, not-performed or could-not-be-performed.")] string Outcome,
    [property: JsonPropertyName("text")] TextShape Text,
    [property: JsonPropertyName("reason")] string? Reason,
    [property: JsonPropertyName("subject")] string? Subject,
    [property: JsonPropertyName("subIndication")] string? SubIndication,
    [property: JsonPropertyName("compared"), Description("Both values in full.")] JsonElement? Compared);

[Description("RFC 9457. code is stable; detail is for people.")]
internal sealed record ProblemShape(
    [property: JsonPropertyName("type"), Description("urn:notary: and the code.")] string Type,
    [property: JsonPropertyName("title")] string Title,
    [property: JsonPropertyName("status")] int Status,
    [property: JsonPropertyName("detail")] string Detail,
    [property: JsonPropertyName("code")] string Code,
    [property: JsonPropertyName("reason"), Description("Why the content was refused: a code of docs/spec/record.md or of admission.")] string? Reason,
    [property: JsonPropertyName("offset"), Description("Byte offset in the body or line where it shows.")] int? Offset);

internal sealed record HealthShape([property: JsonPropertyName("status")] string Status, [property: JsonPropertyName("chains")] ChainHealthShape[]? Chains);

internal sealed record ChainHealthShape(
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("origin")] string Origin,
    [property: JsonPropertyName("size")] long Size,
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("reason")] string? Reason,
    [property: JsonPropertyName("detail")] string? Detail);

[Description("Where chains, ledger nodes and anchors stand.")]
internal sealed record NetworkShape(
    [property: JsonPropertyName("mode"), Description("development, demonstration or production.")] string Mode,
    [property: JsonPropertyName("trust"), Description("The version of the trust file in force.")] NetworkTrustShape Trust,
    [property: JsonPropertyName("chains")] NetworkChainShape[] Chains);

[Description("A version of the trust file that is in force.")]
internal sealed record TrustAppliedShape(
    [property: JsonPropertyName("version")] long Version,
    [property: JsonPropertyName("fingerprint"), Description("SHA-256 of its text, hex: publish it where the deployment publishes the others.")] string Fingerprint,
    [property: JsonPropertyName("mainIndex"), Description("Index of its leaf on the main chain.")] long MainIndex,
    [property: JsonPropertyName("waiting"), Description("Chains to which it is still to be carried; that goes on by itself.")] string[] Waiting);

[Description("What closes a chain: the leaf of docs/spec/admission.md without id, received and sealed, in canonical JSON, and a newline, as notary chain close writes it.")]
internal sealed record IncidentShape(
    [property: JsonPropertyName("available"), Description("Note of the largest checkpoint whose entries exist; absent when none do.")] string? Available,
    [property: JsonPropertyName("chain"), Description("Origin of the main chain.")] string Chain,
    [property: JsonPropertyName("governance")] IncidentSignatureShape[] Governance,
    [property: JsonPropertyName("kind"), Description("incident.")] string Kind,
    [property: JsonPropertyName("lost"), Description("Note of the largest checkpoint that the log has signed.")] string Lost,
    [property: JsonPropertyName("proof"), Description("Consistency proof from the newest anchor to what is available.")] string[] Proof,
    [property: JsonPropertyName("reason"), Description("storage, disaster or withheld.")] string? Reason,
    [property: JsonPropertyName("successor"), Description("Origin of the chain that takes its place.")] string Successor,
    [property: JsonPropertyName("v")] long V);

internal sealed record IncidentSignatureShape(
    [property: JsonPropertyName("key")] string Key,
    [property: JsonPropertyName("signature")] string Signature);

[Description("A chain that is closed.")]
internal sealed record IncidentAppliedShape(
    [property: JsonPropertyName("origin")] string Origin,
    [property: JsonPropertyName("mainIndex"), Description("Index of the incident on the main chain.")] long MainIndex,
    [property: JsonPropertyName("available"), Description("Entries that exist, from the first on.")] long Available,
    [property: JsonPropertyName("lost"), Description("Entries above them that the log has signed and nobody holds.")] long Lost,
    [property: JsonPropertyName("successor"), Description("Origin of the chain that takes its place.")] string Successor);

[Description("Documents with their governance signatures: one line of canonical JSON and a newline, as docs/spec/admission.md says.")]
internal sealed record ProposalShape(
    [property: JsonPropertyName("chains"), Description("The genesis of each chain.")] object[] Chains,
    [property: JsonPropertyName("documents")] ProposalDocumentShape[] Documents,
    [property: JsonPropertyName("kind"), Description("proposal.")] string Kind,
    [property: JsonPropertyName("v")] long V);

internal sealed record ProposalDocumentShape(
    [property: JsonPropertyName("chain"), Description("The chain's origin.")] string Chain,
    [property: JsonPropertyName("document"), Description("The policy, or what is signed of the key record.")] object Document,
    [property: JsonPropertyName("governance")] IncidentSignatureShape[] Governance,
    [property: JsonPropertyName("name"), Description("admission, access, custody, consent, retention or key.")] string Name);

[Description("A proposal that is sealed.")]
internal sealed record GovernanceAppliedShape(
    [property: JsonPropertyName("fingerprint"), Description("SHA-256 of the proposal without its signatures, hex.")] string Fingerprint,
    [property: JsonPropertyName("documents")] GovernanceSealedShape[] Documents);

internal sealed record GovernanceSealedShape(
    [property: JsonPropertyName("chain"), Description("The chain's origin.")] string Chain,
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("index"), Description("Index of its leaf there.")] long Index);

internal sealed record GovernanceShape([property: JsonPropertyName("chains")] GovernanceChainShape[] Chains);

internal sealed record GovernanceChainShape(
    [property: JsonPropertyName("chain"), Description("The chain's name.")] string Chain,
    [property: JsonPropertyName("genesis"), Description("The genesis document, as text: its bytes are what the fingerprint is of.")] string Genesis,
    [property: JsonPropertyName("policies"), Description("Those in force.")] GovernancePolicyShape[] Policies,
    [property: JsonPropertyName("keys"), Description("The newest record of each key of the account that was asked for, by index.")] GovernanceKeyShape[] Keys);

internal sealed record GovernancePolicyShape(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("version")] long Version,
    [property: JsonPropertyName("index"), Description("Index of its leaf.")] long Index,
    [property: JsonPropertyName("document"), Description("The canonical document, as text.")] string Document);

internal sealed record GovernanceKeyShape(
    [property: JsonPropertyName("index"), Description("Index of its leaf.")] long Index,
    [property: JsonPropertyName("document"), Description("What governance signed of it, canonical, as text.")] string Document);

internal sealed record NetworkTrustShape(
    [property: JsonPropertyName("version")] long Version,
    [property: JsonPropertyName("fingerprint")] string Fingerprint,
    [property: JsonPropertyName("trouble"), Description("Why it is not on every chain yet.")] string? Trouble);

internal sealed record NetworkChainShape(
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("origin")] string Origin,
    [property: JsonPropertyName("size"), Description("Leaves sealed.")] long Size,
    [property: JsonPropertyName("status"), Description("running, freshness-pending, database-lost, stopped or closed.")] string Status,
    [property: JsonPropertyName("trust"), Description("The newest version of the trust file that the chain carries; absent where it carries none.")] long? Trust,
    [property: JsonPropertyName("detail"), Description("Why it does not run.")] string? Detail,
    [property: JsonPropertyName("final"), Description("Leaves that are final; absent where no quorum is demanded.")] long? Final,
    [property: JsonPropertyName("anchored"), Description("Leaves that are anchored; absent on the main chain.")] long? Anchored,
    [property: JsonPropertyName("leads"), Description("false while another server that shares the chain offers its heads to the nodes; absent otherwise.")] bool? Leads,
    [property: JsonPropertyName("waitingSince"), Description("Since when a head waits for its quorum.")] string? WaitingSince,
    [property: JsonPropertyName("trouble"), Description("Why finality or anchors do not go on.")] string? Trouble,
    [property: JsonPropertyName("alarms"), Description("What ledger nodes say in their own name of the chain; absent where none says anything.")] NetworkAlarmsShape? Alarms,
    [property: JsonPropertyName("nodes")] NetworkNodeShape[]? Nodes);

internal sealed record NetworkAlarmsShape(
    [property: JsonPropertyName("sealed"), Description("Alarms on the chain: each says that a leaf of it fails admission.")] long Sealed,
    [property: JsonPropertyName("newest"), Description("The one that was sealed last.")] NetworkStatementShape? Newest,
    [property: JsonPropertyName("unsealed"), Description("Statements that nodes serve and the chain does not hold; absent where there are none.")] long? Unsealed,
    [property: JsonPropertyName("newestUnsealed"), Description("The last of these.")] NetworkStatementShape? NewestUnsealed);

internal sealed record NetworkStatementShape(
    [property: JsonPropertyName("kind"), Description("alarm, or node: that a key joined.")] string Kind,
    [property: JsonPropertyName("node"), Description("Name of the key that signed it.")] string Node,
    [property: JsonPropertyName("at"), Description("When, by the node's clock.")] string At,
    [property: JsonPropertyName("about"), Description("alarm: index of the leaf.")] long? About,
    [property: JsonPropertyName("code"), Description("alarm: why the leaf fails.")] string? Code,
    [property: JsonPropertyName("index"), Description("Where it is sealed.")] long? Index,
    [property: JsonPropertyName("reason"), Description("Why it is not: a code of admission, or how the append ended.")] string? Reason);

internal sealed record NetworkNodeShape(
    [property: JsonPropertyName("node")] string Node,
    [property: JsonPropertyName("cosigned"), Description("Largest size that it is known to have cosigned; 0 before the first.")] long Cosigned,
    [property: JsonPropertyName("failingSince"), Description("Since when attempts with it end badly.")] string? FailingSince,
    [property: JsonPropertyName("outcome"), Description("How the last one ended: unreachable, ahead, inconsistent or refused.")] string? Outcome,
    [property: JsonPropertyName("detail")] string? Detail,
    [property: JsonPropertyName("unheard"), Description("Why what it says in its own name could not be read when it was asked last.")] string? Unheard,
    [property: JsonPropertyName("alarms"), Description("What it keeps as evidence, when it runs in this process.")] long? Alarms);

[Description("An act on a custody transfer. A release has evidence and target, the others transfer.")]
internal sealed record TransferRequestShape(
    [property: JsonPropertyName("act"), Description("released, received, declined or withdrawn.")] string Act,
    [property: JsonPropertyName("evidence"), Description("released: number or id of the record; by number also one that another region sealed and this one received.")] string? Evidence,
    [property: JsonPropertyName("target"), Description("released: the one chain that may receive it, by name or origin.")] string? Target,
    [property: JsonPropertyName("transfer"), Description("The others: the transfer's id, a UUIDv7.")] string? Transfer,
    [property: JsonPropertyName("source"), Description("received, declined: the chain that released it, where several drew the same id.")] string? Source,
    [property: JsonPropertyName("proof"), Description("received, declined: the release; withdrawn: the refusal. Only when that chain lies elsewhere.")] TransferProofShape? Proof);

[Description("An anchored custody record, as the answer to its act has it.")]
internal sealed record TransferProofShape(
    [property: JsonPropertyName("leaf"), Description("The sealed leaf, canonical JSON as text.")] string Leaf,
    [property: JsonPropertyName("proof"), Description("C2SP tlog-proof text.")] string Proof,
    [property: JsonPropertyName("anchor")] AnchorShape Anchor);

[Description("A sealed act, with its proof in the furthest state that it has reached.")]
internal sealed record TransferActShape(
    [property: JsonPropertyName("v")] int V,
    [property: JsonPropertyName("act")] string Act,
    [property: JsonPropertyName("transfer")] string Transfer,
    [property: JsonPropertyName("id"), Description("Id of the act's record.")] string Id,
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("sealed")] string Sealed,
    [property: JsonPropertyName("state"), Description("sealed, final or anchored.")] string State,
    [property: JsonPropertyName("leaf"), Description("The sealed leaf, canonical JSON as text.")] string Leaf,
    [property: JsonPropertyName("proof"), Description("C2SP tlog-proof text.")] string Proof,
    [property: JsonPropertyName("anchor"), Description("The way to the main chain; absent before it is anchored.")] AnchorShape? Anchor);

[Description("Transfers that are under way, oldest first.")]
internal sealed record TransferListShape(
    [property: JsonPropertyName("chain"), Description("The account's chain.")] string Chain,
    [property: JsonPropertyName("outgoing"), Description("Released by it and not withdrawn.")] TransferShape[] Outgoing,
    [property: JsonPropertyName("incoming"), Description("Released to it by chains of this platform, and not decided.")] TransferShape[] Incoming,
    [property: JsonPropertyName("more"), Description("There may be more, of what next names.")] bool More,
    [property: JsonPropertyName("next")] TransferNextShape Next);

[Description("Where the next pages begin; a way without one has ended.")]
internal sealed record TransferNextShape(
    [property: JsonPropertyName("outgoing"), Description("Sent back as ?outgoing=.")] string? Outgoing,
    [property: JsonPropertyName("incoming"), Description("Sent back as ?incoming=.")] string? Incoming);

[Description("Where a transfer stands, as far as the chains of this platform show.")]
internal sealed record TransferShape(
    [property: JsonPropertyName("transfer")] string Transfer,
    [property: JsonPropertyName("state"), Description("released, received, declined or withdrawn.")] string State,
    [property: JsonPropertyName("source"), Description("Origin.")] string Source,
    [property: JsonPropertyName("target"), Description("Origin.")] string Target,
    [property: JsonPropertyName("evidence")] TransferEvidenceShape Evidence,
    [property: JsonPropertyName("via"), Description("Index on the source of the record by which it came there; absent when it was sealed there.")] long? Via,
    [property: JsonPropertyName("released")] TransferStepShape Released,
    [property: JsonPropertyName("received")] TransferStepShape? Received,
    [property: JsonPropertyName("declined")] TransferStepShape? Declined,
    [property: JsonPropertyName("withdrawn")] TransferStepShape? Withdrawn);

internal sealed record TransferEvidenceShape(
    [property: JsonPropertyName("chain"), Description("Origin of the chain that sealed it.")] string Chain,
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("index")] long Index);

internal sealed record TransferStepShape(
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("sealed")] string Sealed,
    [property: JsonPropertyName("state"), Description("sealed, final or anchored.")] string State,
    [property: JsonPropertyName("account")] string Account);

[Description("An event: records of the account that have reached a state. A stopped chain is told with reason and detail, and without records.")]
internal sealed record RecordEventShape(
    [property: JsonPropertyName("type"), Description("sealed, final, anchored; or stopped, in a stream only.")] string Type,
    [property: JsonPropertyName("timestamp"), Description("When the state was reached: of sealed the last record's sealed time, of final and anchored the checkpoint's.")] string Timestamp,
    [property: JsonPropertyName("chain")] string Chain,
    [property: JsonPropertyName("size"), Description("final, anchored: tree size of the checkpoint that holds the records.")] long? Size,
    [property: JsonPropertyName("main"), Description("anchored, on a region: index of the anchor leaf on the main chain.")] long? Main,
    [property: JsonPropertyName("records"), Description("1 to 100 records, by index.")] EventRecordShape[]? Records,
    [property: JsonPropertyName("reason"), Description("stopped: a stable code.")] string? Reason,
    [property: JsonPropertyName("detail"), Description("stopped: a sentence.")] string? Detail);

internal sealed record EventRecordShape(
    [property: JsonPropertyName("number")] string Number,
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("index")] long Index,
    [property: JsonPropertyName("kind"), Description("evidence or custody.")] string Kind,
    [property: JsonPropertyName("sealed"), Description("Sealed time.")] string Sealed);

internal sealed record WebhookRequestShape([property: JsonPropertyName("url"), Description("https, at most 2,000 characters, without user and fragment.")] string Url);

[Description("A webhook of the account, and how its deliveries go.")]
internal sealed record WebhookShape(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("url")] string Url,
    [property: JsonPropertyName("secret"), Description("whsec_ and base64; only in the answer that created it.")] string? Secret,
    [property: JsonPropertyName("created")] string Created,
    [property: JsonPropertyName("state"), Description("active; retrying; gone (answered 410); failing (five days without a success). Of the last two nothing is sent until it is put again.")] string State,
    [property: JsonPropertyName("position"), Description("Id of the last event that it took, or of where it began.")] string Position,
    [property: JsonPropertyName("lastDelivery")] string? LastDelivery,
    [property: JsonPropertyName("lastFailure")] string? LastFailure,
    [property: JsonPropertyName("failure"), Description("How the last failure went.")] string? Failure,
    [property: JsonPropertyName("attempts"), Description("Failed attempts with the event that waits.")] int? Attempts,
    [property: JsonPropertyName("nextTry")] string? NextTry);

internal sealed record WebhookListShape([property: JsonPropertyName("webhooks")] WebhookShape[] Webhooks);
