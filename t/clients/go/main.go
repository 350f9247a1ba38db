// The ECS API through the AWS SDK for Go, version 2, in TAP.
//
//	run ENDPOINT LOSSY
//
// LOSSY is an endpoint that loses every other answer: the SDK has to send
// the call again, and nothing may come of that.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

const (
	account = "123456789012"
	region  = "eu-central-1"
	prefix  = "arn:aws:ecs:" + region + ":" + account + ":"
	patient = 2 * time.Minute
)

// test is what every group of tests is given.
type test struct {
	*tap
	context.Context
	ecs      *ecs.Client
	endpoint string
	lossy    string
}

func configuration(endpoint string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(
			account, "secret", ""),
	}
}

// must ends the group when a call fails whose answer the rest needs.
func must[T any](answer T, err error) T {
	if err != nil {
		panic(err)
	}

	return answer
}

// refused tests the class of an error, as the SDK has typed it, and its
// text.
func refused[T error](t *test, name, message string, err error) {
	var want T
	var api smithy.APIError

	t.ok(errors.As(err, &want), name+": its class", err)

	if errors.As(err, &api) {
		t.same(api.ErrorMessage(), message, name+": its text")
	}
}

// recent is whether a time was parsed and is one of this test run.
func recent(at *time.Time) bool {
	return at != nil && time.Since(*at).Abs() < 10*time.Minute
}

func tags(pairs ...string) []types.Tag {
	var list []types.Tag

	for i := 0; i < len(pairs); i += 2 {
		list = append(list, types.Tag{
			Key: aws.String(pairs[i]), Value: aws.String(pairs[i+1])})
	}

	return list
}

func pairs(list []types.Tag) map[string]string {
	found := map[string]string{}

	for _, tag := range list {
		found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}

	return found
}

func testIdentity(t *test) {
	client := sts.NewFromConfig(configuration(t.endpoint))
	who := must(client.GetCallerIdentity(t, &sts.GetCallerIdentityInput{}))
	t.same(aws.ToString(who.Account), account, "GetCallerIdentity")
	t.same(aws.ToString(who.Arn), "arn:aws:iam::"+account+":root", "its ARN")
}

func (t *test) group(name string, body func(*test)) {
	defer func() {
		if why := recover(); why != nil {
			t.ok(false, name+" ends", why)
		}
	}()

	body(t)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: run ENDPOINT LOSSY")
		os.Exit(2)
	}

	client := ecs.NewFromConfig(configuration(os.Args[1]))
	t := &test{&tap{}, context.Background(), client, os.Args[1], os.Args[2]}

	t.group("identity", testIdentity)
	t.group("clusters", testClusters)
	t.group("tasks", testTasks)
	t.group("services", testServices)
	t.group("task sets", testTaskSets)
	t.group("retries", testRetries)
	t.group("capacity providers", testCapacityProviders)
	t.group("container instances", testContainerInstances)
	t.group("account settings", testAccountSettings)
	t.group("daemons", testDaemons)
	t.group("express services", testExpress)
	t.group("gateways", testGateways)
	t.group("paginators", testPaginators)
	t.group("errors", testErrors)
	t.group("goroutines", testGoroutines)

	os.Exit(t.end())
}
