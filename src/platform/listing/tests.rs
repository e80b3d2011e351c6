use super::*;

fn counted(list: List, answer: &str) -> Result<usize, String> {
    let listing = Listing::read(answer.as_bytes(), list).map_err(|error| error.to_string())?;
    listing.items(list).map(|items| items.all)
}

fn unknown(list: List, answers: &[&str]) {
    for answer in answers {
        assert!(counted(list, answer).is_err(), "{list:?}: {answer}");
    }
}

const IVRS: List = List::Part(Part::Ivrs);
const CALL_CENTERS: List = List::Part(Part::CallCenters);
const USERS: List = List::Part(Part::Users);

#[test]
fn a_documented_list_is_taken_by_its_key_and_by_nothing_else() {
    for (answer, expected) in [
        (r#"{"ivrs": []}"#, 0),
        (r#"{"ivrs": [{"serviceUserId": "a"}, {}]}"#, 2),
        (r#"{"ivrs": [], "warnings": [], "sortOrders": ["x"], "note": "12"}"#, 0),
        (r#"{"ivrs": [{}], "totalCount": 1, "paging": {"startIndex": 1}, "hasMore": false}"#, 1),
        (r#"{"_record_internal_id": 77, "_links": {"self": "/ivrs"}, "ivrs": []}"#, 0),
    ] {
        assert_eq!(counted(IVRS, answer), Ok(expected), "{answer}");
    }
    unknown(
        IVRS,
        &[
            r#"{}"#,
            r#"[]"#,
            r#""ivrs""#,
            r#"{"errors": []}"#,
            r#"{"ivrs": null, "errors": []}"#,
            r#"{"ivrs": [], "errors": []}"#,
            r#"{"ivrs": [], "Error": "x"}"#,
            r#"{"ivrs": [], "_errors": [{"code": 1}]}"#,
            r#"{"ivrs": [], "_more": [1]}"#,
            r#"{"ivrs": {"serviceUserId": "ivr@x"}, "warnings": []}"#,
            r#"{"services": []}"#,
            r#"{"IVRS": []}"#,
            r#"{"ivrs": [7]}"#,
            r#"{"ivrs": [null]}"#,
            r#"{"ivrs": [[]]}"#,
            r#"{"ivrs": [{}], "ivrs": []}"#,
            r#"{"ivrs": []} {"ivrs": [{}]}"#,
            r#"{"ivrs": ["#,
        ],
    );
}

#[test]
fn a_list_that_says_beside_itself_that_there_are_more_is_cut() {
    for beside in [
        r#""totalCount": 3"#,
        r#""n": 1"#,
        r#""n": 0.5"#,
        r#""total_count": "3""#,
        r#""total": {"value": 0}"#,
        r#""size": [3]"#,
        r#""numbers": [3]"#,
        r#""paging": [{"of": 3}]"#,
        r#""paging": {"pages": [{"of": 3}]}"#,
        r#""meta": {"totalCount": "3"}"#,
        r#""found": "3""#,
        r#""links": [{"next": "/page=2"}]"#,
        r#""paging": {"inner": {"of": 3}}"#,
        r#""hasMore": true"#,
        r#""_totalCount": 3"#,
        r#""_meta": {"total": 3}"#,
        r#""link": {"next": "/page=2"}"#,
        r#""paging": {"hasMore": true}"#,
        r#""next": "/users/?page=2""#,
        r#""isTruncated": 1"#,
    ] {
        unknown(USERS, &[&format!(r#"{{"users": [], {beside}}}"#), &format!(r#"{{{beside}, "users": []}}"#)]);
    }
    for beside in [r#""totalCount": 0"#, r#""count": null"#, r#""next": null"#, r#""next": """#, r#""code": -1"#] {
        assert_eq!(counted(USERS, &format!(r#"{{"users": [], {beside}}}"#)), Ok(0), "{beside}");
    }
}

#[test]
fn a_list_without_a_documented_key_is_the_only_one_and_its_items_have_an_id() {
    for (answer, expected) in [
        (r#"{"callCenters": []}"#, 0),
        (r#"{"whatever": [{"serviceUserId": "a", "type": "Basic"}], "code": 0}"#, 1),
        (r#"{"x": [{"name": "a"}, {"userId": "b"}, {"id": "c"}]}"#, 3),
    ] {
        assert_eq!(counted(CALL_CENTERS, answer), Ok(expected), "{answer}");
    }
    unknown(
        CALL_CENTERS,
        &[
            r#"{"errors": []}"#,
            r#"{"Warnings": []}"#,
            r#"{"errorMessages": []}"#,
            r#"{"a": [], "b": []}"#,
            r#"{"a": [], "b": {}}"#,
            r#"{"a": {}}"#,
            r#"{"a": 0}"#,
            r#"{"a": [{}]}"#,
            r#"{"a": [{"name": ""}]}"#,
            r#"{"a": [{"name": 7}]}"#,
            r#"{"a": [], "count": 2}"#,
            r#"{"a": [], "_meta": [{"total": 3}]}"#,
            r#"{"_links": [{"next": "/page=2"}], "a": []}"#,
        ],
    );
}

#[test]
fn what_counts_of_an_item_has_its_type() {
    let read = |answer: &str| {
        Listing::read(answer.as_bytes(), USERS).unwrap().items(USERS).map(|i| (i.all, i.in_trunk_groups))
    };
    let two = r#"{"users": [{"inTrunkGroup": true, "department": {"inTrunkGroup": 1}}, {"userId": "b"}]}"#;
    assert_eq!(read(two), Ok((2, 1)));
    for flag in [r#""true""#, "1", "null", "[true]"] {
        assert!(read(&format!(r#"{{"users": [{{"inTrunkGroup": {flag}}}]}}"#)).is_err(), "{flag}");
    }
    let groups = |answer: &str| {
        Listing::read(answer.as_bytes(), List::Groups).unwrap().items(List::Groups).map(|items| items.groups.clone())
    };
    assert_eq!(groups(r#"{"groups": [{"groupId": "HQ"}, {}]}"#).unwrap(), ["HQ", "(without an id)"]);
    assert!(groups(r#"{"groups": [{"groupId": 7}]}"#).is_err());
    assert!(groups(r#"{"groups": [{"groupId": "HQ", "groupId": "B"}]}"#).is_err());
    assert!(read(r#"{"users": [{"inTrunkGroup": true, "inTrunkGroup": false}]}"#).is_err());
    assert_eq!(read(r#"{"users": [{"x": 1, "x": 2, "department": {"id": "a", "id": "b"}}]}"#), Ok((1, 0)));
}
