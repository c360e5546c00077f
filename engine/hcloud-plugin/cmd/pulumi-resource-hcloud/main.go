// Command pulumi-resource-hcloud serves the resource tokens of the npm package
// @pulumi/hcloud over Hetzner's upstream Terraform provider.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hetznercloud/terraform-provider-hcloud/hcloud"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
)

// version must equal the npm package's version: Pulumi matches plugins by exact semver.
var version = "1.41.0"

func provider() tfbridge.ProviderInfo {
	secret := true
	info := tfbridge.ProviderInfo{
		P:              shimv2.NewProvider(hcloud.Provider()),
		Name:           "hcloud",
		ResourcePrefix: "hcloud",
		Version:        version,
		Resources: map[string]*tfbridge.ResourceInfo{
			// User-data carries the registration token and the pairing secret.
			"hcloud_server": {Fields: map[string]*tfbridge.SchemaInfo{"user_data": {Secret: &secret}}},
		},
	}
	info.MustComputeTokens(tokens.SingleModule("hcloud_", "index", tokens.MakeStandard("hcloud")))
	return info
}

// endWithParent stops this process once the engine that started it is gone:
// plugins run in a process group of their own and outlive a killed engine.
func endWithParent() {
	parent := os.Getppid()
	for range time.Tick(500 * time.Millisecond) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	http.DefaultTransport = fillDatacenter{http.DefaultTransport}
	go endWithParent()
	tfbridge.Main("hcloud", version, provider(), nil)
}
