//! Archives that nobody vouches for: what is unpacked, and what is refused.

use std::{
    fs,
    io::{Cursor, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use outboard_connector::package::{
    Package, PackageError,
    archive::{ArchiveError, Exceeded, Extracted, Limits, NameProblem, extract},
    pack,
};
use tar::{EntryType, Header};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::packages::{self, Place};

/// An entry of an archive to be: a name, a mode, content.
type Entry<'a> = (&'a str, u32, &'a [u8]);

const MANIFEST: Entry<'static> = ("plugin.json", 0o644, b"{}");

fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, mode, content) in entries {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            // The file type with it, and bits that `unix_permissions` takes away.
            .external_attributes(mode << 16);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A header as an attacker writes it: the name is not looked at.
fn header(name: &[u8], mode: u32, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_mode(mode);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

fn record(bytes: &mut Vec<u8>, header: &Header, content: &[u8]) {
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
}

fn tar_of(records: &[(Header, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (header, content) in records {
        record(&mut bytes, header, content);
    }
    bytes.extend([0; 1024]);
    bytes
}

fn tar_gz(entries: &[Entry<'_>]) -> Vec<u8> {
    let records: Vec<_> = entries
        .iter()
        .map(|(name, mode, content)| {
            let size = content.len() as u64;
            (
                header(name.as_bytes(), *mode, EntryType::Regular, size),
                *content,
            )
        })
        .collect();
    gzip(&tar_of(&records))
}

struct Attempt {
    directory: tempfile::TempDir,
}

impl Attempt {
    fn new(archive: &[u8]) -> Attempt {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("archive"), archive).unwrap();
        fs::create_dir(directory.path().join("into")).unwrap();
        Attempt { directory }
    }

    fn target(&self) -> PathBuf {
        self.directory.path().join("into")
    }

    fn run(&self, limits: &Limits) -> Result<Extracted, ArchiveError> {
        let archive = self.directory.path().join("archive");
        let answer = extract(&archive, &self.target(), limits, &|| false);
        // Whatever it was, nothing is outside of the directory.
        assert_eq!(fs::read_dir(self.directory.path()).unwrap().count(), 2);
        answer
    }
}

fn refusal(archive: &[u8]) -> ArchiveError {
    Attempt::new(archive).run(&Limits::default()).unwrap_err()
}

fn both(entries: &[Entry<'_>]) -> [Vec<u8>; 2] {
    [zip(entries), tar_gz(entries)]
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_package_is_found_at_the_root_and_one_level_down_whatever_the_archive_is_called() {
    for archive in both(&[
        MANIFEST,
        ("echo", 0o755, b"program"),
        ("lib/a.so", 0o644, b"a"),
    ]) {
        let attempt = Attempt::new(&archive);
        let extracted = attempt.run(&Limits::default()).unwrap();
        assert_eq!(extracted.directory, attempt.target());
        assert_eq!((extracted.files, extracted.bytes), (3, 10));
        assert_eq!(extracted.sha256, packages::sha256(&archive));
        assert_eq!(text(&attempt.target().join("lib/a.so")), "a");
    }
    for archive in both(&[
        ("echo-1/plugin.json", 0o644, b"{}"),
        ("echo-1/echo", 0o755, b"p"),
    ]) {
        let attempt = Attempt::new(&archive);
        let extracted = attempt.run(&Limits::default()).unwrap();
        assert_eq!(extracted.directory, attempt.target().join("echo-1"));
        assert_eq!(text(&extracted.directory.join("echo")), "p");
    }
}

#[test]
fn names_that_lead_out_or_hide_something_are_refused_and_not_mended() {
    for (name, expected) in [
        ("../echo", NameProblem::Parent),
        ("a/../../echo", NameProblem::Parent),
        ("/etc/cron.d/echo", NameProblem::Absolute),
        ("a\\b", NameProblem::Backslash),
        ("C:echo", NameProblem::Colon),
        ("a\nb", NameProblem::Control),
        ("a/b/c", NameProblem::TooDeep),
        ("nul", NameProblem::Reserved),
        (".outboard.toml", NameProblem::Reserved),
    ] {
        for archive in both(&[MANIFEST, (name, 0o644, b"x")]) {
            match refusal(&archive) {
                ArchiveError::Name { problem, .. } => assert_eq!(problem, expected, "{name:?}"),
                other => panic!("{name:?}: {other}"),
            }
        }
    }
}

#[test]
fn two_files_of_one_name_are_refused_also_when_they_differ_in_case() {
    let echo: Entry<'_> = ("echo", 0o644, b"1");
    for second in ["echo", "Echo", "ECHO/x"] {
        let error = refusal(&tar_gz(&[MANIFEST, echo, (second, 0o644, b"2")]));
        assert!(
            matches!(error, ArchiveError::Twice { .. }),
            "{second}: {error}"
        );
    }
    // The writer takes no name twice, so one is changed afterwards, in both headers.
    let archive = zip(&[MANIFEST, echo, ("Echo", 0o644, b"2")]);
    assert!(matches!(refusal(&archive), ArchiveError::Twice { .. }));
    let archive = replaced(&archive, b"Echo", b"echo", 2);
    assert!(matches!(refusal(&archive), ArchiveError::Twice { .. }));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8], times: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert_eq!(found, times);
    bytes
}

#[test]
fn two_plugin_json_none_and_files_beside_the_package_are_refused() {
    let down: Entry<'_> = ("echo/plugin.json", 0o644, b"{}");
    let other: Entry<'_> = ("slack/plugin.json", 0o644, b"{}");
    let beside: Entry<'_> = ("README", 0o644, b"x");
    let upper: Entry<'_> = ("Plugin.JSON", 0o644, b"{}");
    for archive in both(&[MANIFEST, down])
        .into_iter()
        .chain(both(&[down, other]))
    {
        let error = refusal(&archive);
        assert!(
            matches!(error, ArchiveError::TwoManifests { .. }),
            "{error}"
        );
    }
    for archive in both(&[beside]).into_iter().chain(both(&[upper])) {
        assert!(matches!(refusal(&archive), ArchiveError::NoManifest));
    }
    for archive in both(&[down, beside]) {
        assert!(matches!(refusal(&archive), ArchiveError::Outside { .. }));
    }
    for archive in [zip(&[]), tar_gz(&[])] {
        assert!(matches!(refusal(&archive), ArchiveError::NoManifest));
    }
}

#[test]
fn links_devices_and_special_mode_bits_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::GNULongLink,
        EntryType::new(b'?'),
    ] {
        let mut entry = header(b"echo", 0o644, kind, 0);
        entry.set_link_name("/etc/passwd").unwrap();
        entry.set_cksum();
        let manifest = header(b"plugin.json", 0o644, EntryType::Regular, 2);
        let error = refusal(&gzip(&tar_of(&[(manifest, b"{}"), (entry, b"")])));
        assert!(
            matches!(error, ArchiveError::Special { .. }),
            "{kind:?}: {error}"
        );
    }
    for kind in [0o120_000, 0o020_000, 0o060_000, 0o010_000, 0o140_000] {
        let archive = zip(&[MANIFEST, ("echo", kind | 0o644, b"/etc/passwd")]);
        let error = refusal(&archive);
        assert!(
            matches!(error, ArchiveError::Special { .. }),
            "{kind:o}: {error}"
        );
    }
    for bits in [0o4755, 0o2755, 0o1755, 0o7777] {
        for archive in both(&[MANIFEST, ("echo", bits, b"x")]) {
            let error = refusal(&archive);
            assert!(
                matches!(error, ArchiveError::ModeBits { .. }),
                "{bits:o}: {error}"
            );
        }
    }
}

#[test]
fn limits_hold_for_one_file_for_all_and_for_their_number() {
    let limits = Limits {
        entry_bytes: 100,
        total_bytes: 150,
        entries: 4,
        archive_bytes: 64 * 1024,
        ..Limits::default()
    };
    let exceeded = |archive: &[u8]| match Attempt::new(archive).run(&limits).unwrap_err() {
        ArchiveError::TooLarge { what, .. } => what,
        other => panic!("{other}"),
    };
    for archive in both(&[MANIFEST, ("echo", 0o755, &[b'x'; 101])]) {
        assert_eq!(exceeded(&archive), Exceeded::EntryBytes);
    }
    for archive in both(&[
        MANIFEST,
        ("a", 0o755, &[b'x'; 99]),
        ("b", 0o755, &[b'x'; 50]),
    ]) {
        assert_eq!(exceeded(&archive), Exceeded::TotalBytes);
    }
    let five = [
        MANIFEST,
        ("a", 0o644, b""),
        ("b", 0o644, b""),
        ("c", 0o644, b""),
        ("d", 0o644, b""),
    ];
    for archive in both(&five) {
        assert_eq!(exceeded(&archive), Exceeded::Entries);
    }
    assert_eq!(exceeded(&vec![0; 64 * 1024 + 1]), Exceeded::ArchiveBytes);
    // What is behind the end counts as well, and so do headers.
    let mut behind = tar_of(&[(header(b"plugin.json", 0o644, EntryType::Regular, 2), b"{}")]);
    behind.resize(900 * 1024, 0);
    assert_eq!(exceeded(&gzip(&behind)), Exceeded::TotalBytes);
}

#[test]
fn ten_thousand_entries_are_refused() {
    let names: Vec<String> = (0..10_000).map(|number| format!("file{number}")).collect();
    let entries: Vec<Entry<'_>> = names
        .iter()
        .map(|name| (name.as_str(), 0o644, &b""[..]))
        .collect();
    for archive in both(&entries) {
        let error = refusal(&archive);
        assert!(
            matches!(
                error,
                ArchiveError::TooLarge {
                    what: Exceeded::Entries,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn a_bomb_is_refused_before_it_takes_room() {
    let zeros = vec![0; 16 * 1024 * 1024];
    for archive in both(&[MANIFEST, ("echo", 0o755, &zeros)]) {
        let attempt = Attempt::new(&archive);
        let error = attempt.run(&Limits::default()).unwrap_err();
        assert!(
            matches!(error, ArchiveError::Ratio { limit: 200 }),
            "{error}"
        );
        let written = fs::metadata(attempt.target().join("echo")).map_or(0, |file| file.len());
        assert!(written < 8 * 1024 * 1024, "{written}");
    }
    // A header can be one as well: the longest of names.
    let name = header(
        b"././@LongLink",
        0o644,
        EntryType::GNULongName,
        zeros.len() as u64,
    );
    let error = refusal(&gzip(&tar_of(&[(name, &zeros)])));
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    // And what is behind the end.
    let mut behind = tar_of(&[(header(b"plugin.json", 0o644, EntryType::Regular, 2), b"{}")]);
    behind.extend(&zeros);
    let error = refusal(&gzip(&behind));
    assert!(matches!(error, ArchiveError::Ratio { .. }), "{error}");
    // A zip that says it is small and is not: in both headers of the file, where the size
    // is so and so far before the name.
    let mut archive = zip(&[MANIFEST, ("echo", 0o755, &zeros)]);
    let local = archive
        .windows(4)
        .position(|bytes| bytes == b"echo")
        .unwrap();
    let central = archive
        .windows(4)
        .rposition(|bytes| bytes == b"echo")
        .unwrap();
    for at in [local - 8, central - 22] {
        assert_eq!(
            archive[at..at + 4],
            u32::try_from(zeros.len()).unwrap().to_le_bytes()
        );
        archive[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert!(matches!(refusal(&archive), ArchiveError::Damaged { .. }));
}

#[test]
fn an_archive_that_ends_anywhere_before_its_end_is_refused() {
    // Hardly compressible, so that every cut falls into something.
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(300)
    .collect();
    let [zip, tar] = both(&[MANIFEST, ("echo", 0o755, &noise)]);
    for whole in [zip, tar] {
        for length in 0..whole.len() {
            let error = refusal(&whole[..length]);
            assert!(
                matches!(
                    error,
                    ArchiveError::Truncated
                        | ArchiveError::Damaged { .. }
                        | ArchiveError::UnknownFormat
                ),
                "{length} of {}: {error}",
                whole.len()
            );
        }
    }
}

#[test]
fn a_changed_byte_of_the_data_is_noticed() {
    let [zip, tar] = both(&[MANIFEST, ("echo", 0o755, b"an incompressible 8f3a")]);
    for whole in [zip, tar] {
        let mut noticed = 0;
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 0x55;
            // Some bytes mean nothing here, such as times. None makes a panic, and none
            // makes other content.
            let attempt = Attempt::new(&changed);
            match attempt.run(&Limits::default()) {
                Err(_) => noticed += 1,
                Ok(_) => {
                    let content = fs::read(attempt.target().join("echo")).unwrap_or_default();
                    assert!(
                        content.is_empty() || content == b"an incompressible 8f3a",
                        "byte {position}"
                    );
                }
            }
        }
        assert!(noticed > whole.len() / 3, "{noticed} of {}", whole.len());
    }
}

#[test]
fn long_names_of_both_kinds_are_read_and_bounded() {
    let long = format!("lib/{}.so", "x".repeat(200));
    let pax = |key: &str, value: &str| {
        let text = format!(" {key}={value}\n");
        let length = text.len() + 3;
        assert!((100..1000).contains(&length));
        format!("{length}{text}")
    };
    let manifest = || header(b"plugin.json", 0o644, EntryType::Regular, 2);
    let file = || header(b"short", 0o644, EntryType::Regular, 1);
    let gnu_name = format!("{long}\0");
    let gnu = header(
        b"././@LongLink",
        0o644,
        EntryType::GNULongName,
        gnu_name.len() as u64,
    );
    let text = pax("path", &long);
    let posix = header(b"x", 0o644, EntryType::XHeader, text.len() as u64);
    let comment = pax("comment", &"c".repeat(200));
    let global = header(b"g", 0o644, EntryType::XGlobalHeader, comment.len() as u64);
    for archive in [
        tar_of(&[
            (manifest(), b"{}"),
            (gnu.clone(), gnu_name.as_bytes()),
            (file(), b"y"),
        ]),
        tar_of(&[
            (global, comment.as_bytes()),
            (manifest(), b"{}"),
            (posix.clone(), text.as_bytes()),
            (file(), b"y"),
        ]),
    ] {
        let attempt = Attempt::new(&gzip(&archive));
        attempt.run(&Limits::default()).unwrap();
        assert_eq!(fs::read(attempt.target().join(&long)).unwrap(), b"y");
    }
    // A name that leads out is one also when it comes this way, and two are one too many.
    let out = pax("path", &format!("../{}", "x".repeat(120)));
    let posix_out = header(b"x", 0o644, EntryType::XHeader, out.len() as u64);
    let error = refusal(&gzip(&tar_of(&[
        (posix_out, out.as_bytes()),
        (file(), b"y"),
    ])));
    assert!(
        matches!(
            error,
            ArchiveError::Name {
                problem: NameProblem::Parent,
                ..
            }
        ),
        "{error}"
    );
    let error = refusal(&gzip(&tar_of(&[
        (gnu, gnu_name.as_bytes()),
        (posix, text.as_bytes()),
        (file(), b"y"),
    ])));
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    for key in ["size", "linkpath", "GNU.sparse.name"] {
        let text = pax(key, &"1".repeat(120));
        let posix = header(b"x", 0o644, EntryType::XHeader, text.len() as u64);
        let error = refusal(&gzip(&tar_of(&[(posix, text.as_bytes()), (file(), b"y")])));
        assert!(
            matches!(error, ArchiveError::Damaged { .. }),
            "{key}: {error}"
        );
    }
}

#[test]
fn what_is_no_archive_is_told_by_its_content() {
    for bytes in [&b""[..], b"<html>", b"PK", b"7z\xbc\xaf", b"ustar", &[0x1f]] {
        assert!(
            matches!(refusal(bytes), ArchiveError::UnknownFormat),
            "{bytes:?}"
        );
    }
    // Gzip of something else.
    let error = refusal(&gzip(&[b'x'; 2000]));
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    // A second archive behind the first.
    let one = tar_of(&[(header(b"plugin.json", 0o644, EntryType::Regular, 2), b"{}")]);
    let error = refusal(&gzip(&[one.clone(), one].concat()));
    assert!(matches!(error, ArchiveError::Damaged { .. }), "{error}");
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let answer = extract(&missing, directory.path(), &Limits::default(), &|| false);
    assert!(matches!(answer, Err(ArchiveError::Read { .. })));
}

#[test]
fn unpacking_stops_when_it_is_cancelled_or_takes_too_long() {
    for archive in both(&[MANIFEST, ("echo", 0o755, b"program")]) {
        let attempt = Attempt::new(&archive);
        let path = attempt.directory.path().join("archive");
        let answer = extract(&path, &attempt.target(), &Limits::default(), &|| true);
        assert!(matches!(answer, Err(ArchiveError::Cancelled)));
        let limits = Limits {
            time: Duration::ZERO,
            ..Limits::default()
        };
        assert!(matches!(
            attempt.run(&limits),
            Err(ArchiveError::TimedOut { .. })
        ));
    }
}

#[test]
fn a_packed_package_is_the_same_bytes_each_time_and_opens_again() {
    let place = Place::new();
    let package = place.package("echo", "v1.2.3-rc.1");
    fs::create_dir(package.directory().join("lib")).unwrap();
    fs::write(package.directory().join("lib/a.so"), "library").unwrap();
    let one = pack::pack(package.directory(), &place.path("one")).unwrap();
    let name = one.file_name().unwrap().to_str().unwrap();
    let platform = outboard_connector::platform::host().replace('/', "-");
    assert_eq!(name, format!("echo-1.2.3-rc.1-{platform}.zip"));
    // Times and modes of the files do not show.
    packages::executable(&package.directory().join("lib/a.so"));
    fs::write(package.directory().join("lib/a.so"), "library").unwrap();
    let two = pack::pack(package.directory(), &place.path("two")).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    assert_eq!(fs::read_dir(place.path("two")).unwrap().count(), 1);

    let opened = place.store.open_package(&one, &|| false).unwrap();
    assert_eq!(opened.manifest_bytes(), package.manifest_bytes());
    assert_eq!(
        opened.archive_sha256().unwrap(),
        packages::sha256(&fs::read(&one).unwrap())
    );
    let unpacked = opened.directory().to_owned();
    assert!(unpacked.starts_with(fs::canonicalize(place.path("connectors/.staging")).unwrap()));
    drop(opened);
    assert!(!unpacked.exists());

    fs::write(package.program(), "another").unwrap();
    assert!(matches!(
        pack::pack(package.directory(), &place.path("one")),
        Err(pack::PackError::Digest { .. })
    ));
    std::os::unix::fs::symlink("/etc/passwd", place.path("packages/link")).unwrap();
    assert!(matches!(
        Package::open(&place.path("packages")),
        Err(PackageError::NoManifest { .. })
    ));
}

mod made_up {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Names from few parts, so that they collide, nest and lead out often.
    fn name() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            8 => "[a-cA-C]{1,2}",
            2 => Just("plugin.json".to_owned()),
            1 => Just("..".to_owned()),
            1 => Just(".".to_owned()),
            1 => Just(String::new()),
            1 => Just("a\\b".to_owned()),
        ];
        proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"))
    }

    fn files_below(directory: &Path, below: &str, files: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                files_below(&entry.path(), &format!("{name}/"), files);
            } else {
                files.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_unpacked_is_exactly_what_the_archive_has(
            mut entries in proptest::collection::vec((name(), proptest::collection::vec(any::<u8>(), 0..64)), 0..5),
        ) {
            entries.push(("plugin.json".to_owned(), b"{}".to_vec()));
            let entries: Vec<Entry<'_>> =
                entries.iter().map(|(name, content)| (name.as_str(), 0o644, content.as_slice())).collect();
            let attempt = Attempt::new(&tar_gz(&entries));
            if let Ok(extracted) = attempt.run(&Limits::default()) {
                let mut found = BTreeMap::new();
                files_below(&attempt.target(), "", &mut found);
                prop_assert_eq!(extracted.files, entries.len());
                let written = entries.iter().map(|(name, _, content)| {
                    ((*name).strip_prefix("./").unwrap_or(name).to_owned(), content.to_vec())
                });
                prop_assert_eq!(found, written.collect::<BTreeMap<_, _>>());
            }
        }

        #[test]
        fn a_damaged_archive_is_refused_or_whole_and_never_a_panic(
            zip_or_tar in any::<bool>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let [zip, tar] = both(&[MANIFEST, ("echo", 0o755, b"the program"), ("lib/a", 0o644, b"a")]);
            let mut archive = if zip_or_tar { zip } else { tar };
            for (at, byte) in changes {
                let at = at.index(archive.len());
                archive[at] = byte;
            }
            let attempt = Attempt::new(&archive);
            if attempt.run(&Limits::default()).is_ok() {
                let mut found = BTreeMap::new();
                files_below(&attempt.target(), "", &mut found);
                let known = [&b"{}"[..], b"the program", b"a"];
                let whole = found.values().all(|content| known.contains(&content.as_slice()));
                prop_assert!(whole, "{:?}", found);
            }
        }
    }
}
