//! What the compiler tells a newcomer is part of the API.
//!
//! After a change of the texts, `TRYBUILD=overwrite cargo test --test compile_errors` writes them anew: read them.

#[test]
fn the_compiler_says_what_to_do() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
