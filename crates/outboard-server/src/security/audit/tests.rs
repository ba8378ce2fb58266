//! The audit log on a real file.

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
}

fn log(directory: &tempfile::TempDir) -> (Audit, Arc<Database>) {
    let path = directory.path().join("outboard.db");
    let database = Arc::new(Database::open(&path).expect("a database"));
    (Audit::new(Some(Arc::clone(&database))), database)
}

fn all(database: &Database, query: &AuditQuery) -> Vec<String> {
    let (lines, _) = page(database, query).expect("a page");
    lines
        .into_iter()
        .map(|line| format!("{} {} {}", line.name, line.action, line.target))
        .collect()
}

#[tokio::test]
async fn what_is_said_is_written_and_found_by_who_and_what() {
    let directory = tempfile::tempdir().expect("a directory");
    let (audit, database) = log(&directory);
    let (stop, stopped) = oneshot::channel::<()>();
    let writer = tokio::spawn(audit.clone().write(async {
        let _ = stopped.await;
    }));
    let mut who = Principal::local();
    for number in 0..5 {
        who.name = format!("n{}", number % 2);
        audit.say(Line::of(&who, "POST /a", &number.to_string(), at(number)));
    }
    audit.flush().await;
    let first = AuditQuery {
        limit: Some(2),
        ..AuditQuery::default()
    };
    assert_eq!(all(&database, &first), ["n0 POST /a 4", "n1 POST /a 3"]);
    let (_, next) = page(&database, &first).expect("a page");
    let second = AuditQuery {
        cursor: next,
        ..AuditQuery::default()
    };
    assert_eq!(all(&database, &second).len(), 3);
    let of_one = AuditQuery {
        principal: Some("n1".to_owned()),
        action: Some("/a".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(all(&database, &of_one), ["n1 POST /a 3", "n1 POST /a 1"]);
    let none = AuditQuery {
        cursor: Some("x".to_owned()),
        ..AuditQuery::default()
    };
    assert!(page(&database, &none).is_err());
    // What was said before the stop is written, too.
    audit.say(Line::of(&who, "last", "", at(9)));
    stop.send(()).expect("a writer");
    writer.await.expect("the writer");
    assert_eq!(all(&database, &AuditQuery::default())[0], "n0 last ");
}

#[tokio::test]
async fn what_finds_no_room_is_counted_and_the_log_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let (audit, database) = log(&directory);
    for number in 0..1030 {
        audit.say(Line::of(
            &Principal::local(),
            "busy",
            &number.to_string(),
            at(0),
        ));
    }
    let stop = std::future::ready(());
    audit.clone().write(stop).await;
    let lost = AuditQuery {
        action: Some("audit.lost".to_owned()),
        ..AuditQuery::default()
    };
    let (lines, _) = page(&database, &lost).expect("a page");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].detail.starts_with("6 lines"), "{lines:?}");
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let directory = tempfile::tempdir().expect("a directory");
    let (audit, database) = log(&directory);
    for _ in 0..100 {
        audit.say(Line::of(
            &Principal::anonymous(),
            "sign_in_failed",
            "",
            at(0),
        ));
    }
    audit.say(Line::of(&Principal::local(), "mine", "", at(0)));
    audit.clone().write(std::future::ready(())).await;
    let failed = AuditQuery {
        action: Some("sign_in_failed".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(all(&database, &failed).len(), 10);
    assert_eq!(all(&database, &AuditQuery::default())[0], "local mine ");
}

#[test]
fn the_oldest_lines_go_when_there_are_too_many() {
    let directory = tempfile::tempdir().expect("a directory");
    let (_, database) = log(&directory);
    let old = "INSERT INTO audit VALUES (1, '', '', '', '', '', 'old', '', 0, '', '')";
    let newer = "INSERT INTO audit VALUES (100000, '', '', '', '', '', 'newer', '', 0, '', '')";
    database.connection().execute(old, []).expect("a row");
    database.connection().execute(newer, []).expect("a row");
    write_now(&database, Line::of(&Principal::local(), "new", "", at(0))).expect("a line");
    assert_eq!(
        all(&database, &AuditQuery::default()),
        ["local new ", " newer "]
    );
}
