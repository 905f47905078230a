package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// server is a program that contenders talk to.
type server struct {
	env  []string
	stop func()
}

// serveS3 starts moto's S3 server on this machine, with a bucket named bench. Its address
// is S3 in the environment.
func serveS3() (*server, error) {
	program := os.Getenv("FLOW_MOTO_SERVER")
	if program == "" {
		program = "moto_server"
	}
	if _, err := exec.LookPath(program); err != nil {
		return nil, fmt.Errorf("%w: pip install 'moto[s3,server]'", errMissing)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(free.Addr().String())
	free.Close()
	command := exec.Command(program, "-H", host, "-p", port)
	if err := command.Start(); err != nil {
		return nil, err
	}
	stop := func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
	url := "http://" + net.JoinHostPort(host, port)
	for range 600 {
		request, err := http.NewRequest(http.MethodPut, url+"/bench", nil)
		if err != nil {
			break
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			answer.Body.Close()
			return &server{env: []string{"S3=" + url, "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_DEFAULT_REGION=us-east-1"}, stop: stop}, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("%s does not answer at %s", program, url)
}
