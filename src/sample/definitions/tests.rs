use super::*;
use crate::domain::{
    institution::{Institution, KeyHolding},
    permission_list::{Decision, PlainList, Question},
};

fn text(text: &str) -> Result<NamedText, DefinitionFlaw> {
    Ok(("a.toml".into(), text.into()))
}

/// The line of the `nth` place (from 1) where `needle` stands.
fn line(text: &str, needle: &str, nth: usize) -> usize {
    let (at, _) = text.match_indices(needle).nth(nth - 1).unwrap();
    text[..at].matches('\n').count() + 1
}

fn shown(result: Result<Definitions, Vec<DefinitionFlaw>>) -> Vec<String> {
    let flaws = result.unwrap_err();
    flaws
        .iter()
        .map(|flaw| {
            assert!(!flaw.ja().is_empty());
            format!("{}:{} {}", flaw.line, flaw.column, flaw.reason)
        })
        .collect()
}

/// The flaws after the `nth` place of `from` in the embedded institutions becomes `to`.
fn institution_flaws(from: &str, nth: usize, to: &str) -> Vec<String> {
    let changed = replace_nth(EMBEDDED_INSTITUTIONS, from, nth, to);
    let list = text("version = 1\npublished_at = \"2026-04-01T00:00:00+09:00\"");
    shown(Definitions::parse(
        text(&changed),
        list,
        layouts::embedded(),
    ))
}

/// The flaws after the `nth` place of `from` in the embedded list becomes `to`.
fn list_flaws(from: &str, nth: usize, to: &str) -> Vec<String> {
    let changed = replace_nth(EMBEDDED_PERMISSION_LIST, from, nth, to);
    let institutions = text(EMBEDDED_INSTITUTIONS);
    shown(Definitions::parse(
        institutions,
        text(&changed),
        layouts::embedded(),
    ))
}

fn assert_begins(flaws: &[String], start: &str) {
    assert!(flaws[0].starts_with(start), "{flaws:?}");
}

fn replace_nth(text: &str, from: &str, nth: usize, to: &str) -> String {
    let (at, _) = text.match_indices(from).nth(nth - 1).unwrap();
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

fn plain(definitions: &Definitions) -> (Vec<Institution>, PlainList, Layouts) {
    (
        definitions.directory.iter().cloned().collect(),
        definitions.permission_list.clone().into(),
        definitions.layouts.clone(),
    )
}

#[test]
fn the_embedded_definitions_are_sound() {
    let Definitions {
        directory,
        permission_list,
        ..
    } = Definitions::embedded().unwrap();
    assert_eq!(directory.iter().count(), 8);
    assert_eq!(permission_list.rows().len(), 11);
    assert_eq!(permission_list.version(), 1);
    let find = |code: &str| directory.find(code.parse().unwrap()).unwrap();
    assert_eq!(
        find("9900000000001200").key_holding,
        KeyHolding::BusinessSystem
    );
    let ward = directory
        .resolve("9900000000001301".parse().unwrap())
        .unwrap();
    assert_eq!(ward.name, "ひかり市");
    let affair = "JM01000000121000".parse().unwrap();
    let may = |unit: &str, user: &str| {
        let ward = find("0220113112101700");
        let asked = ward.authorise(&unit.parse().unwrap(), &user.parse().unwrap(), affair);
        asked.is_ok()
    };
    assert!(may("KYUFU", "kyufu-01"));
    assert!(!may("JUMIN", "kyufu-01"));
    assert!(!may("KYUFU", "jumin-01"));
}

#[test]
fn the_embedded_list_allows_and_refuses_what_its_notes_say() {
    let Definitions {
        directory,
        permission_list,
        ..
    } = Definitions::embedded().unwrap();
    let row = |inquirer: &str, provider: &str, n: u32, info: &str| {
        let decision = permission_list.decide(&Question {
            inquirer: directory.find(inquirer.parse().unwrap()).unwrap(),
            affair: format!("JM9{n:013}").parse().unwrap(),
            procedure: format!("JT9{n:013}").parse().unwrap(),
            provider: directory.find(provider.parse().unwrap()).unwrap(),
            specific_info: info.parse().unwrap(),
            at: "2026-10-01T00:00:00Z".parse().unwrap(),
        });
        match decision {
            Decision::Allowed(permission) => Some(permission.row()),
            Decision::Refused(_) => None,
        }
    };
    let (ward, plain_city, other_city) =
        ("0220113112101700", "9900000000001100", "9900000000001200");
    assert_eq!(
        row(ward, plain_city, 1, "TM90000000000001").as_deref(),
        Some("1/R-0004")
    );
    assert_eq!(
        row(ward, "9900000000001400", 3, "TM90000000000003").as_deref(),
        Some("1/R-0006")
    );
    assert_eq!(row(ward, plain_city, 5, "TM90000000000001"), None);
    assert_eq!(row(ward, plain_city, 6, "TM90000000000002"), None);
    assert_eq!(
        row(plain_city, ward, 7, "TM90000000000001").as_deref(),
        Some("1/R-0010")
    );
    assert_eq!(row(other_city, ward, 7, "TM90000000000001"), None);
    assert_eq!(
        row(ward, plain_city, 8, "TM90000000000003").as_deref(),
        Some("1/R-0011")
    );
    let asked = directory.find(plain_city.parse().unwrap()).unwrap();
    assert!(!asked.holds.contains(&"TM90000000000003".parse().unwrap()));
}

#[test]
fn what_is_written_is_read_back_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let world = dir.path().join("new/world");
    write_embedded(&world).unwrap();
    let read = Definitions::read(&world).unwrap();
    assert_eq!(plain(&read), plain(&Definitions::embedded().unwrap()));

    let own = "# 自分のファイル\n";
    fs::write(world.join(PERMISSION_LIST), own).unwrap();
    let layout = world.join(LAYOUTS).join(layouts::EMBEDDED[0].0);
    fs::remove_file(&layout).unwrap();
    write_embedded(&world).unwrap();
    assert_eq!(
        fs::read_to_string(world.join(PERMISSION_LIST)).unwrap(),
        own
    );
    assert!(!layout.exists(), "what a user takes away stays away");
}

#[test]
fn what_was_cut_off_while_it_was_written_is_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let unfinished = dir.path().join("world.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("half"), "").unwrap();
    let world = dir.path().join("world");
    write_embedded(&world).unwrap();
    assert!(!world.join("half").exists() && !unfinished.exists());
    Definitions::read(&world).unwrap();
}

#[test]
fn a_flaw_of_an_institution_names_its_place() {
    let text = EMBEDDED_INSTITUTIONS;
    let at = |needle, nth| line(text, needle, nth);
    let (first, second) = (at("code = \"", 1), at("code = \"", 2));

    let flaws = institution_flaws("9900000000001100", 1, "0220113112101700");
    assert_eq!(
        flaws,
        [format!("{second}:8 stands in line {first} already")]
    );

    let flaws = institution_flaws("9900000000001100", 1, "99");
    assert_eq!(
        flaws,
        [format!(
            "{second}:8 InstitutionCode: must have 16 characters, has 2"
        )]
    );

    let flaws = institution_flaws("name = \"あさひ野市\"", 1, "name = \" \"");
    assert_eq!(flaws, [format!("{}:8 is required", second + 1)]);

    let flaws = institution_flaws("class = \"市町村長\"", 1, "class = \"村\"");
    assert_begins(&flaws, &format!("{}:9 InstitutionClass: ", first + 2));

    let flaws = institution_flaws("\"ZEIMU\"", 1, "\"\"");
    assert_begins(&flaws, &format!("{}:21 UnitCode: ", at("ZEIMU", 1)));

    let flaws = institution_flaws("JM01000000121000 =", 1, "XM01000000121000 =");
    assert_begins(&flaws, &format!("{}:1 AffairCode: ", at("ZEIMU", 1)));
}

#[test]
fn a_ward_must_resolve_to_a_city() {
    let at = line(EMBEDDED_INSTITUTIONS, "resolves_to = \"", 1);
    let resolve = |to: &str| {
        let to = format!("resolves_to = \"{to}\"");
        institution_flaws("resolves_to = \"9900000000001300\"", 1, &to)
    };
    assert_eq!(
        resolve("9900000000009999"),
        [format!(
            "{at}:15 there is no institution 9900000000009999 in institutions.toml"
        )]
    );
    assert_eq!(
        resolve("9900000000001301"),
        [format!(
            "{at}:15 an institution cannot resolve to itself: leave resolves_to out"
        )]
    );
    assert_eq!(
        resolve("9900000000001302"),
        [format!("{at}:15 must name a city, not another ward")]
    );
    assert_eq!(resolve("1").len(), 1);
}

#[test]
fn what_is_held_needs_a_layout() {
    let at = line(EMBEDDED_INSTITUTIONS, "holds = [", 1);
    let flaws = institution_flaws("[\"TM00000000000002\"", 1, "[\"TM90000000000099\"");
    assert_eq!(
        flaws,
        [format!(
            "{at}:10 there is no layout of TM90000000000099 in layouts/"
        )]
    );
}

#[test]
fn a_flaw_of_a_row_names_its_place() {
    let at = |needle| line(EMBEDDED_PERMISSION_LIST, needle, 1);
    let first = at("id = \"R-0001\"");

    let flaws = list_flaws("R-0002", 1, "R-0001");
    let second = at("id = \"R-0002\"");
    assert_eq!(
        flaws,
        [format!("{second}:6 stands in line {first} already")]
    );

    let flaws = list_flaws("2026-03-31\"", 1, "2020-03-31\"");
    let last = at("valid_to = \"2026-03-31\"");
    assert_eq!(flaws, [format!("{last}:12 valid_to is before valid_from")]);

    let flaws = list_flaws("\"9900000000001100\"", 1, "\"9900000000009999\"");
    let single = at("inquirer = \"9900000000001100\"");
    assert_eq!(
        flaws,
        [format!(
            "{single}:12 there is no institution 9900000000009999 in institutions.toml"
        )]
    );

    let flaws = list_flaws("\"TM00000000000002\"", 1, "\"TM90000000000099\"");
    assert_eq!(
        flaws,
        [format!(
            "{}:17 there is no layout of TM90000000000099 in layouts/",
            first + 5
        )]
    );

    let flaws = list_flaws("\"JT01", 1, "\"JX01");
    assert_eq!(
        flaws,
        [format!(
            "{}:13 ProcedureCode: must begin with JT",
            first + 3
        )]
    );

    let flaws = list_flaws("\"番号法第19条第8号\"", 1, "\"\"");
    assert_eq!(flaws, [format!("{}:15 is required", first + 7)]);
}

#[test]
fn text_that_is_not_ours_is_refused_where_it_stands() {
    let code = line(EMBEDDED_INSTITUTIONS, "code = \"", 1);
    let flaws = institution_flaws("\nname = ", 1, "\nnama = ");
    assert_begins(&flaws, &format!("{}:1 unknown field `nama`", code + 1));
    let flaws = institution_flaws("\ncode = \"", 1, "\ncode = ");
    assert_begins(&flaws, &format!("{code}:"));
    let flaws = institution_flaws("= \"business_system\"", 1, "= \"nobody\"");
    let holding = line(EMBEDDED_INSTITUTIONS, "= \"business_system\"", 1);
    assert_begins(&flaws, &format!("{holding}:15 unknown variant"));

    let version = line(EMBEDDED_PERMISSION_LIST, "\nversion = 1", 1) + 1;
    let flaws = list_flaws("\nversion = 1", 1, "\nversion = \"1\"");
    assert_begins(&flaws, &format!("{version}:11 invalid type"));
    let flaws = list_flaws("\nversion = 1", 1, "\nversion = 1\nedition = 1");
    assert_begins(&flaws, &format!("{}:1 unknown field", version + 1));
    let flaws = list_flaws("\"2026-04-01T00", 1, "\"2026-13-01T00");
    assert_begins(&flaws, &format!("{}:16 ", version + 1));
}

#[test]
fn the_flaws_of_all_files_are_told_together() {
    let dir = tempfile::tempdir().unwrap();
    write_embedded(dir.path()).unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from));
        fs::write(path, text.replace(from, to)).unwrap();
    };
    change(INSTITUTIONS, "class = \"都道府県知事\"", "class = \"県\"");
    change(INSTITUTIONS, "\"KYUFU\"", "\"\"");
    change(PERMISSION_LIST, "R-0002", "R-0001");
    change(PERMISSION_LIST, "valid_to = \"2026", "valid_to = \"2010");
    change("layouts/TM90000000000001.toml", "max = 1\n", "max = 0\n");
    let flaws = Definitions::read(dir.path()).unwrap_err();
    let files = |end: &str| flaws.iter().filter(|flaw| flaw.file.ends_with(end)).count();
    assert_eq!(
        (files(INSTITUTIONS), files(PERMISSION_LIST)),
        (2, 2),
        "{flaws:?}"
    );
    assert_eq!(files("TM90000000000001.toml"), 1);
    assert_eq!(flaws.len(), 5);
}

#[test]
fn a_file_that_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let flaws = Definitions::read(dir.path()).unwrap_err();
    let missing = |end: &str| flaws.iter().any(|flaw| flaw.file.ends_with(end));
    assert!(missing(INSTITUTIONS) && missing(PERMISSION_LIST) && missing(LAYOUTS));
    assert_eq!(flaws.len(), 3);
}

#[test]
fn a_broken_file_makes_no_flaws_in_the_others() {
    let institutions = text("not toml");
    let list = text(EMBEDDED_PERMISSION_LIST);
    assert_eq!(
        shown(Definitions::parse(institutions, list, layouts::embedded())).len(),
        1
    );
    let institutions = text(EMBEDDED_INSTITUTIONS);
    let list = text(EMBEDDED_PERMISSION_LIST);
    let broken = Err(vec![DefinitionFlaw::whole("layouts", "broken")]);
    assert_eq!(
        shown(Definitions::parse(institutions, list, broken)).len(),
        1
    );
}

#[test]
fn a_world_needs_an_institution_but_a_list_may_be_empty() {
    let list = || text("version = 1\npublished_at = \"2026-04-01T00:00:00+09:00\"");
    let flaws = shown(Definitions::parse(
        text("institutions = []"),
        list(),
        layouts::embedded(),
    ));
    assert_eq!(flaws, ["1:16 a world needs an institution"]);
    let institutions = text(EMBEDDED_INSTITUTIONS);
    assert!(Definitions::parse(institutions, list(), layouts::embedded()).is_ok());
}

#[test]
fn values_on_one_line_are_repeated_too() {
    let row = "{ id = \"A\", inquirer = \"市町村長\", affair = \"JM90000000000001\", \
        procedure = \"JT90000000000001\", provider = \"市町村長\", specific_info = \"TM90000000000001\", \
        valid_from = \"2020-04-01\", legal_basis = \"法\" }";
    let list =
        format!("version = 1\npublished_at = \"2026-04-01T00:00:00+09:00\"\nrows = [{row}, {row}]");
    let institutions = text(EMBEDDED_INSTITUTIONS);
    let flaws = shown(Definitions::parse(
        institutions,
        text(&list),
        layouts::embedded(),
    ));
    assert_eq!(flaws.len(), 1);
    assert!(flaws[0].ends_with("stands in line 3 already"));
}

#[test]
fn a_party_is_a_known_class_or_a_code() {
    let flaws = list_flaws("provider = \"市町村長\"", 1, "provider = \"市長\"");
    let at = line(EMBEDDED_PERMISSION_LIST, "provider = \"市町村長\"", 1);
    assert_begins(&flaws, &format!("{at}:12 InstitutionClass: "));
}
