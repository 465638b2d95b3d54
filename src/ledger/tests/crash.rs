//! A process killed in the middle of its work loses nothing that it acknowledged.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use super::*;

const DIR: &str = "CHUKAN_LEDGER_CRASH_DIR";
const ACKNOWLEDGED: &str = "acknowledged ";

/// Not a test of its own: the process that the test below kills.
#[ignore = "runs until it is killed"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_until_killed() {
    let Some(dir) = env::var_os(DIR) else { return };
    let (ledger, _) = open(Path::new(&dir)).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let ledger = ledger.clone();
        tasks.spawn(async move {
            loop {
                let at = ledger.commit(pair(task)).await.unwrap();
                println!("\n{ACKNOWLEDGED}{} {task}", at[0].index);
            }
        });
    }
    tasks.join_all().await;
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 1..=5 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "ledger::tests::crash::commit_until_killed"])
            .args(["--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while acknowledged.len() < round * 200 {
            let line = lines
                .next()
                .expect("the child runs until it is killed")
                .unwrap();
            acknowledged.extend(line.strip_prefix(ACKNOWLEDGED).map(str::to_owned));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (ledger, _) = open(dir.path()).unwrap();
        for line in &acknowledged {
            let (index, task) = line.split_once(' ').unwrap();
            let stored = ledger
                .read(tree("core/2026"), index.parse().unwrap())
                .unwrap();
            assert_eq!(stored.body, pair(task.parse().unwrap())[0].body);
        }
        verify::verify(dir.path(), None, |_| ()).unwrap();
    }
}
