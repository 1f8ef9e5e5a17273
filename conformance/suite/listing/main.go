// Command listing prints the suite's profiles and tests as JSON, for the table at the end of a run.
//
// The suite itself only reports what it ran. What it would have run, had the class claimed more,
// is known here alone.
package main

import (
	"encoding/json"
	"log"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
)

type listing struct {
	Profiles []profile `json:"profiles"`
	Tests    []test    `json:"tests"`
}

type profile struct {
	Name     string                 `json:"name"`
	Core     []features.FeatureName `json:"core"`
	Extended []features.FeatureName `json:"extended"`
}

type test struct {
	Name     string                 `json:"name"`
	Features []features.FeatureName `json:"features"`
}

func main() {
	var all listing
	for _, p := range []suite.ConformanceProfile{
		suite.GatewayHTTPConformanceProfile,
		suite.GatewayGRPCConformanceProfile,
		suite.GatewayTLSConformanceProfile,
		suite.GatewayTCPConformanceProfile,
		suite.GatewayUDPConformanceProfile,
	} {
		all.Profiles = append(all.Profiles, profile{
			Name:     string(p.Name),
			Core:     sets.List(p.CoreFeatures),
			Extended: sets.List(p.ExtendedFeatures),
		})
	}
	for _, t := range tests.ConformanceTests {
		needs := append([]features.FeatureName{}, t.Features...)
		slices.Sort(needs)
		all.Tests = append(all.Tests, test{t.ShortName, needs})
	}
	slices.SortFunc(all.Tests, func(a, b test) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	if err := out.Encode(all); err != nil {
		log.Fatal(err)
	}
}
