package policy_test

import "testing"

// TestArithmetic pins CEL's arithmetic and comparisons, int beside double. An amount is 15000 centavos, $a is 7, $b is 2.
func TestArithmetic(t *testing.T) {
	t.Parallel()
	groups := map[string]map[string][]string{
		"double": {
			"true": {
				"$a / $b == 3.5", "-$a / $b == -3.5", "$a * $b == 14.0", "$a - $b == 5.0", "$a + $b == 9.0", "-0.0 == 0.0",
				"1e-308 * 1e-308 == 0.0", "1.7976931348623157e308 > $a", "0.1 + 0.2 != 0.3", "$a > $b", "$a >= 7.0", "!($a < 7.0)",
				"$a in [7.0, 8.0]", "int(2.9) == 2", "int(-2.9) == -2", `double("7") == $a`, "string($a) == \"7\"",
			},
			"false": {"0.1 + 0.2 == 0.3", "$a == $b", "$a in [8.0]", "$a in []"},
			"error": {
				"1.0 / 0.0 > 0.0", "1.0 / -0.0 < 0.0", "0.0 / 0.0 != 0.0", "1e308 * 10.0 > 0.0", "-1e308 * 10.0 < 0.0",
				"1e308 + 1e308 > 0.0", "-1e308 - 1e308 < 0.0", "1e308 * 10.0 - 1e308 * 10.0 == 0.0", "1.0 / 1e-320 > 0.0",
				"int($a * 1e30) > 0", "int($a * -1e30) < 0", "uint(-$a) > 0u", "int(0.0 / 0.0) > 0", "double(payer.person) > 0.0",
			},
			"true, error": {"0.0 / 0.0 > 0.0 || $a == 7.0"},
			"refused": {
				"$a % $b == 1.0", "1e999 > 0.0", "-1e999 < 0.0", `double("NaN") != 0.0`, `double("nan") != 0.0`, `double("inf") > 0.0`,
				`double("-Infinity") < 0.0`, `double("+Inf") > 0.0`, `double("1e999") > 0.0`, `double("seven") > 0.0`, "int(1e30) > 0",
				`false && double("NaN") > 0.0`, `true || $a in [1.0, double("NaN")]`,
			},
		},
		"int": {
			"true": {
				"7 / 2 == 3", "-7 / 2 == -3", "-7 % 2 == -1", "7 % -2 == 1", "amount_centavos / 100 == 150", "7u / 2u == 3u",
				"double(9007199254740993) == 9007199254740992.0", "amount_centavos in [15000]",
			},
			"false": {"amount_centavos < 15000", "amount_centavos in [1, 2]"},
			"error": {
				"1 / 0 > 0", "0 / 0 != 1", "amount_centavos / (amount_centavos - amount_centavos) != 1", "1 % 0 == 0", "1u / 0u > 0u",
				"1u % 0u == 0u", "1u - 2u > 0u", "9223372036854775807 + 1 > 0", "-9223372036854775807 - 2 < 0", "9223372036854775807 * 2 > 0",
				"(-9223372036854775807 - 1) / (0 - 1) > 0", "-(-9223372036854775807 - 1) > 0", "18446744073709551615u + 1u > 0u",
				"[1, 2][2] == 1", `timestamp("9999-12-31T23:59:59Z") + duration("24h") > timestamp(0)`,
			},
			"true, error": {"1 / 0 > 0 || true", "1 % 0 > 0 || true", "!(9223372036854775807 + 1 > 0 && false)"},
			"refused":     {"9223372036854775808 > 0", "duration(\"NaN\") > duration(\"1s\")", `int("NaN") > 0`},
		},
		// A rule converts: nothing does it for the rule, unless it gives the types up with dyn, and then only to compare.
		"both": {
			"true": {
				"double(amount_centavos) / 100.0 == 150.0", "int($a) == 7", "dyn(amount_centavos) == 15000.0", "dyn(amount_centavos) > 1.5",
				"dyn(amount_centavos) in [15000.0]", "amount_centavos in [1.5, 15000]", "dyn(1u) < 1.5",
			},
			"false": {"dyn(amount_centavos) == 15000.5", "dyn(amount_centavos) < 1.5"},
			"error": {"dyn(amount_centavos) / 2.0 > 1.0", "dyn($a) + 1 > 1", "dyn(amount_centavos) > 1.0 / 0.0", "dyn($a) / dyn(0.0) > 1"},
			"refused": {
				"amount_centavos > 1.5", "amount_centavos == 1.5", "amount_centavos != 1.5", "amount_centavos in [1.5]", "1u == 1", "1u < 2",
				"amount_centavos + 1.5 > 2.0", "amount_centavos / 2.0 > 1.0", "$a > 5", "$a == 5", "$a / 2 > 1.0", "$a in [1, 2]",
				"(true ? 1 : 1.5) > 1.0", "double(timestamp(0)) > 0.0",
			},
		},
		// What could bring a number from elsewhere does not load.
		"elsewhere": {
			"refused": {
				"google.protobuf.FloatValue{value: 1e300} > 1.0", "google.protobuf.DoubleValue{value: 1.0} > 0.5",
				`false && google.protobuf.Value{number_value: 1.0} == 1.0`, "math.greatest($a, $b) > 1.0", "[1.0].exists(x, x / 0.0 > 1.0)",
				"[1.0].map(x, x / 0.0).size() == 1", "$a.max($b) > 1.0", "cel.bind(x, 0.0 / 0.0, x > 1.0)",
			},
		},
	}
	for group, answers := range groups {
		for want, whens := range answers {
			t.Run(group+"/"+want, func(t *testing.T) {
				t.Parallel()
				for _, when := range whens {
					if got := answer(t, when, []float64{7, 2}); got != want {
						t.Errorf("%s: %s, want %s", when, got, want)
					}
				}
			})
		}
	}
}
