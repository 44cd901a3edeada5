// Package portal reads the files that a person exported from Microsoft's portals,
// and hands out what they say in the shapes that the API gives: an MSP without an
// app registration has the same evidence from a folder of downloads.
//
// It may touch the folder it is given and nothing else: no network, no clock, no
// SQL. It promises that
//   - a file is known by the names of its columns or properties, in any order and in
//     the languages known, never by their position; its name is asked only for what
//     no column tells (which group, whether sign-ins were interactive);
//   - a file counts whole or not at all: what cannot be read is named with file,
//     line and column, and nothing of that file is handed on;
//   - a day is never guessed: whether 8/5 is May or August is decided by the whole
//     file, and a file that does not tell is refused;
//   - no file is held in memory: its longest record is bounded, not its length;
//   - equal bytes give equal rows.
//
// # What an export cannot say
//
// Nothing is invented for it. Lacks names it, so that the kind is not called whole.
// Where only an id is missing, it is found or derived:
//   - a relationship without an id is known as "name:" and its name in lower case;
//     Microsoft keeps the names of a partner's relationships unique;
//   - an access assignment is known by its relationship and its group;
//   - a customer or a group that is only named gets its id from the list of
//     customers or groups in the same folder; one that is on no list, or twice, is
//     refused with its line;
//   - roles are named in English as Microsoft names its built-in roles; any other
//     name is refused;
//   - an entry of a log without an id is known by the digest of what it says. The
//     JSON download of the same log has Microsoft's ids: take it where the API is
//     asked too, or such an entry is there twice.
//
// A time without a zone is UTC, as the downloads of Microsoft Entra state.
//
// Microsoft documents the columns of some downloads only; form.go names for each
// where its columns are known from. Where the portal speaks another language the
// JSON download, whose names are not translated, or the portal in English helps.
package portal
