//! Which source wins, and how each flaw is told.

use super::{super::ServerConfig, *};

fn none() -> Overrides {
    Overrides::new()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chukan.toml");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn flaw_in(text: &str) -> String {
    let (_dir, path) = file(text);
    let flaw = Config::load(Some(&path), [], &none()).unwrap_err();
    let shown = flaw.to_string();
    shown.split_once("chukan.toml:").unwrap().1.to_owned()
}

fn refused(key: &str, value: &str) -> String {
    let flags = vec![pair(key, value)];
    Config::load(None, [], &flags).unwrap_err().to_string()
}

#[test]
fn the_keys_are_those_of_the_structs() {
    let mut config = Config::default();
    config.metrics.listen = Some("127.0.0.1:9".parse().unwrap());
    config.metrics.token = Some(
        toml::from_str::<Table>("t = '0123456789abcdef'").unwrap()["t"]
            .clone()
            .try_into()
            .unwrap(),
    );
    config.folder.path = Some("files".into());
    config.backup.folder = Some("backups".into());
    config.backup.recipient = Some("a key".into());
    let values = Table::try_from(&config).unwrap();
    let mut written = Vec::new();
    for (name, value) in values {
        match value {
            Value::Table(section) => {
                written.extend(section.keys().map(|key| format!("{name}.{key}")));
            }
            _ => written.push(name),
        }
    }
    let mut keys = KEYS.map(str::to_owned).to_vec();
    keys.sort();
    written.sort();
    assert_eq!(written, keys);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_known_ones() {
    let shown = flaw_in("# a comment\n[store]\ncache = 1\n");
    assert!(shown.starts_with("3: unknown field `cache`"), "{shown}");
    assert!(shown.contains("cache_bytes"), "{shown}");
    let shown = flaw_in("\n[sever]\nlisten = '127.0.0.1:1'\n");
    assert!(shown.starts_with("2: unknown field `sever`"), "{shown}");
}

#[test]
fn broken_toml_and_values_of_the_wrong_kind_are_refused_with_their_line() {
    assert!(flaw_in("data = 'x'\n[server\n").starts_with("2: "));
    assert!(flaw_in("[server]\nstreams_max = 'many'\n").starts_with("2: "));
    assert!(flaw_in("[server]\n\nlisten = 'nowhere'\n").starts_with("3: "));
}

#[test]
fn an_unknown_variable_is_refused_with_the_known_ones() {
    let flaw = Config::load(None, [pair("CHUKAN_LISTEN", "x")], &none()).unwrap_err();
    let shown = flaw.to_string();
    assert!(
        shown.starts_with("CHUKAN_LISTEN: unknown variable"),
        "{shown}"
    );
    assert!(shown.contains("CHUKAN_SERVER_LISTEN"), "{shown}");
}

#[test]
fn variables_of_others_and_the_name_of_the_file_are_passed_over() {
    let environment = [pair("PATH", "/bin"), pair(CONFIG_FILE_VARIABLE, "x.toml")];
    let loaded = Config::load(None, environment, &none()).unwrap();
    assert_eq!(loaded.config, Config::default());
}

#[test]
fn a_bad_value_names_its_source() {
    let flaw = Config::load(None, [pair("CHUKAN_SERVER_STREAMS_MAX", "many")], &none());
    let shown = flaw.unwrap_err().to_string();
    assert!(
        shown.starts_with("server.streams_max (CHUKAN_SERVER_STREAMS_MAX): "),
        "{shown}"
    );
    assert!(refused("log.format", "xml").contains("expected `text` or `json`"));
    assert!(refused("server.streams_max", "-1").starts_with("server.streams_max (flag): "));
    assert!(refused("server.ports", "1").starts_with("server.ports: unknown key"));
}

#[test]
fn limits_of_zero_and_beyond_reason_are_refused() {
    let shown = refused("server.connections_max", "0");
    assert_eq!(
        shown,
        "server.connections_max = 0 (flag): must be from 1 to 1048576"
    );
    for key in KEYS
        .iter()
        .filter(|key| key.ends_with("_days") || key.ends_with("_seconds"))
    {
        assert!(refused(key, "0").contains("must be from 1"), "{key}");
    }
    assert!(refused("server.message_bytes_max", "4294967296").contains("to 4294967295"));
}

#[test]
fn metrics_stay_on_the_machine() {
    assert!(refused("metrics.listen", "0.0.0.0:9100").contains("must be a loopback address"));
}

#[test]
fn flags_come_before_the_environment_before_the_file_before_the_defaults() {
    let (_dir, path) =
        file("data = '/f'\n[server]\nstreams_max = 1\ncalls_max = 2\ndrain_ms_max = 3\n");
    let environment = [
        pair("CHUKAN_SERVER_STREAMS_MAX", "10"),
        pair("CHUKAN_SERVER_CALLS_MAX", "20"),
    ];
    let flags = vec![pair("server.streams_max", "100")];
    let loaded = Config::load(Some(&path), environment, &flags).unwrap();
    let server = &loaded.config.server;
    assert_eq!(
        (server.streams_max, server.calls_max, server.drain_ms_max),
        (100, 20, 3)
    );
    assert_eq!(
        server.header_bytes_max,
        ServerConfig::default().header_bytes_max
    );
    assert_eq!(loaded.origin("server.streams_max"), Origin::Flag);
    assert_eq!(loaded.origin("data"), Origin::File(path));
}

#[test]
fn the_effective_configuration_reads_back_and_says_who_set_what() {
    let flags = vec![pair("data", "2026"), pair("log.format", "json")];
    let loaded = Config::load(None, [pair("CHUKAN_LOG_FILTER", "debug")], &flags).unwrap();
    let text = loaded.effective();
    assert_eq!(toml::from_str::<Config>(&text).unwrap(), loaded.config);
    assert!(text.contains("format = \"json\" # flag"), "{text}");
    assert!(
        text.contains("filter = \"debug\" # CHUKAN_LOG_FILTER"),
        "{text}"
    );
    assert!(text.contains("# listen is not set"), "{text}");
    assert!(text.contains("cache_bytes = 67108864 # default"), "{text}");
}

#[test]
fn plain_http_is_for_the_loopback_only() {
    let load = |listen: &str| {
        let flags = [("console.plain_http", "true"), ("console.listen", listen)];
        let flags = flags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Config::load(None, [], &flags.to_vec())
    };
    for listen in ["127.0.0.1:0", "[::1]:50553"] {
        assert!(load(listen).unwrap().config.console.plain_http, "{listen}");
    }
    for listen in ["0.0.0.0:0", "192.0.2.1:50553", "[::]:50553"] {
        let flaw = load(listen).unwrap_err();
        assert!(
            matches!(flaw, ConfigFlaw::PlainHttpNotLoopback { .. }),
            "{flaw}"
        );
    }
}

#[test]
fn daily_backups_need_a_key_that_opens_them() {
    assert!(refused("backup.folder", "backups").starts_with("backup.recipient (default)"));
    assert!(refused("backup.recipient", "none").starts_with("backup.recipient (flag)"));
    assert!(refused("backup.daily_at", "25:00").starts_with("backup.daily_at (flag)"));
    let key = data_encoding::BASE64.encode(&[9; 32]);
    let flags = vec![pair("backup.folder", "b"), pair("backup.recipient", &key)];
    let loaded = Config::load(None, [], &flags).unwrap();
    assert!(loaded.config.backup.key().is_some());
}

#[test]
fn a_secret_is_used_and_never_shown() {
    const TOKEN: &str = "correct-horse-battery";
    let variables = [pair("CHUKAN_METRICS_TOKEN", TOKEN)];
    let loaded = Config::load(None, variables, &none()).unwrap();
    let token = loaded.config.metrics.token.as_ref().unwrap();
    assert!(token.is(TOKEN.as_bytes()) && !token.is(b"correct-horse-batterx"));
    for shown in [
        loaded.effective(),
        loaded.chosen(),
        format!("{loaded:?}"),
        loaded.section("metrics").map(|(_, value)| value).collect(),
    ] {
        assert!(shown.contains("***") && !shown.contains("horse"), "{shown}");
    }
}

#[test]
fn a_secret_that_is_none_is_refused_without_repeating_it() {
    for text in [
        "horse",
        "horse battery staple, correct",
        "馬馬馬馬馬馬馬馬馬馬馬馬馬馬馬馬",
        "1234567890123456789",
    ] {
        let quoted = flaw_in(&format!(
            "[metrics]\ntoken = {}\n",
            if text.starts_with('1') {
                text.to_owned()
            } else {
                format!("'{text}'")
            }
        ));
        let flag = (!text.starts_with('1')).then(|| refused("metrics.token", text));
        for shown in flag.into_iter().chain([quoted]) {
            assert!(
                shown.contains("16 to 256") && !shown.contains(text),
                "{shown}"
            );
        }
    }
}
